"""What a bench program does with its result, and the options for it: print, write, record, draw.

A program calls ``begin_run`` (``record.py``) before it measures and ``publish`` when it has; ``add_outputs`` gives
its parser ``--json``, ``--record`` and ``--plot``.
"""

import argparse
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.drawing import draw_question, require_plotting
from bench.question import Question
from bench.record import RESULTS_FOLDER, Begun, as_mapping, record_run, write_run
from bench.verdicts import render_verdicts

__all__ = ["add_outputs", "fact_lines", "publish"]


def add_outputs(parser: argparse.ArgumentParser, question: str) -> None:
    """The options that every program has; without matplotlib ``--plot`` is refused before anything is measured."""
    parser.add_argument("--json", type=Path, metavar="PATH", help="write machine, versions, raw cells and medians")
    text = "keep the result in the place of the last one, in bench/results/ unless told"
    parser.add_argument("--record", type=Path, nargs="?", const=RESULTS_FOLDER, metavar="FOLDER", help=text)
    default = f"{question}.svg"
    text = f"draw the result; .svg, .png or .pdf, {default} unless told"
    parser.add_argument("--plot", type=_picture, nargs="?", const=Path(default), metavar="PATH", help=text)


def publish(
    question: Question,
    begun: Begun,
    options: argparse.Namespace,
    cells: Iterable[Any],
    *,
    servers: Mapping[str, str],
    setting: Mapping[str, Any],
    skipped: Sequence[str],
) -> int:
    """Print the medians, how they meet the targets, and what is missing; write what ``options`` ask for.

    ``cells`` are dataclasses or mappings. Returns the exit code: 0 when everything was measured, else 1.

    Raises: OSError when a file cannot be written.
    """
    raw = [as_mapping(cell) for cell in cells]
    run = begun.finish(raw, question.summarise(raw), servers, setting, skipped)
    _print_report(question, run.medians, servers, setting, skipped)
    if options.json:
        write_run(run, options.json)
    if options.plot and raw:
        draw_question(question, run, options.plot)
    if options.record:
        print(f"recorded in {record_run(run, options.record)}", file=sys.stderr)
    return 1 if skipped or not raw else 0


def _picture(text: str) -> Path:
    path = Path(text)
    if path.suffix not in (".svg", ".png", ".pdf"):
        raise argparse.ArgumentTypeError(f"{text}: must end in .svg, .png or .pdf")
    try:
        require_plotting()
    except ModuleNotFoundError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return path


def _print_report(
    question: Question,
    rows: Sequence[Mapping[str, Any]],
    servers: Mapping[str, str],
    setting: Mapping[str, Any],
    skipped: Sequence[str],
) -> None:
    print("\n".join(fact_lines(servers) + fact_lines(setting)))
    print("medians of the rounds\n")
    if rows:
        print(f"{question.render(rows)}\n\n{render_verdicts(question.name, rows)}")
    for reason in skipped:
        print(f"\nNOT MEASURED: {reason}")


def fact_lines(facts: Mapping[str, Any]) -> list[str]:
    """``name: text`` for each fact; a mapping within becomes ``name value, name value``."""
    return [f"{name}: {_in_words(value)}" for name, value in facts.items()]


def _in_words(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
