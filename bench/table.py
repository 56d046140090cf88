"""A Markdown table that reads well as text. Pure."""

from collections.abc import Iterable, Sequence

__all__ = ["render_table"]


def render_table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """``lines`` below ``headings``, every column aligned to the right and as wide as it has to be."""
    table = [headings, *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(headings))]
    head, *body = ("| " + " | ".join(map(str.rjust, line, widths)) + " |" for line in table)
    return "\n".join([head, "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|", *body])
