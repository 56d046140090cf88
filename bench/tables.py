"""Markdown tables whose source can be read as well. Pure."""

from collections.abc import Callable, Iterable, Sequence

__all__ = ["markdown_table"]


def markdown_table(headings: Sequence[str], lines: Iterable[Sequence[str]], words: int = 1) -> str:
    """The lines below their headings: the first ``words`` columns to the left, numbers behind them to the right."""
    table = [headings, *lines]
    widths = [max(len(line[column]) for line in table) for column in range(len(headings))]
    aligns: list[Callable[[str, int], str]] = [
        str.ljust if place < words else str.rjust for place in range(len(widths))
    ]
    rules = ["-" * (width + 2) if place < words else "-" * (width + 1) + ":" for place, width in enumerate(widths)]
    head, *body = (f"| {' | '.join(_padded(line, widths, aligns))} |" for line in table)
    return "\n".join([head, f"|{'|'.join(rules)}|", *body])


def _padded(line: Sequence[str], widths: Sequence[int], aligns: Sequence[Callable[[str, int], str]]) -> list[str]:
    return [align(text, width) for text, width, align in zip(line, widths, aligns, strict=True)]
