"""Draws a run and writes the picture, so that the same run gives the same bytes. Owns the look of all pictures.

matplotlib comes with the extra ``bench`` and is imported when something is drawn. Pictures have a white ground of
their own, as they are shown on light pages and dark ones.
"""

import importlib.util
from pathlib import Path
from typing import Any

from bench.question import Question
from bench.record import Run

__all__ = ["draw_question", "require_plotting"]

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "fanwire",
    "svg.fonttype": "none",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
}
_WIDTH_INCHES = 8.0
_DPI = 150


def require_plotting() -> None:
    """Raises: ModuleNotFoundError when matplotlib is not installed; its text says how to install it."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ModuleNotFoundError("matplotlib is not installed: pip install 'fanwire[bench]'")


def draw_question(question: Question, run: Run, path: Path) -> None:
    """Write the picture of ``run`` to ``path``; its ending (.svg, .png, .pdf) chooses the format.

    Raises: OSError when the path cannot be written.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH_INCHES, _WIDTH_INCHES / 2), layout="constrained")
        question.draw(figure, question.summarise(run.cells))
        # Whoever finds the picture alone can find the run; a date of drawing would make every picture a new one.
        metadata = {"Date": None, "Source": f"{run.question} {run.date}"} if path.suffix == ".svg" else None
        figure.savefig(path, dpi=_DPI, metadata=metadata)
