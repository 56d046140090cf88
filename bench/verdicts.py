"""Compares what was measured with what was meant, and says by how much. Pure: rows in, verdicts out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.targets import BEST_PEER, TARGETS, Target

__all__ = ["Verdict", "judge", "render_verdicts", "verdicts_of"]

Row = Mapping[str, Any]
_FLOOR = "floor"
_MARKS = {"generator_limited": " (*)", "disturbed": " (!)", "baseline_disturbed": " (!)"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How ``target`` was met: ``value`` against ``limit``, both None where the run does not say.

    ``peer`` is the server that set the limit, if one did; ``doubts`` are the marks that the row has.
    """

    target: Target
    value: float | None = None
    limit: float | None = None
    peer: str | None = None
    doubts: str = ""

    @property
    def is_met(self) -> bool | None:
        """None where there is nothing to judge."""
        if self.value is None or self.limit is None:
            return None
        if self.target.sense == "at least":
            return self.value >= self.limit
        return self.value < self.limit if self.target.sense == "below" else self.value <= self.limit

    @property
    def shortfall(self) -> float:
        """How far the value is on the wrong side, as a share of the limit; negative on the right side."""
        if self.value is None or not self.limit:
            return -math.inf
        excess = self.value / self.limit - 1
        return -excess if self.target.sense == "at least" else excess

    @property
    def result(self) -> str:
        """``met`` or ``missed by 12 %``; ``no verdict`` where this run does not say."""
        if self.is_met is None:
            return "no verdict: not in this run"
        if self.is_met:
            return f"met{self.doubts}"
        by = "" if math.isinf(self.shortfall) else f" by {_percent(self.shortfall)}"
        return f"MISSED{by}{self.doubts}"

    @property
    def wanted(self) -> str:
        """``at most 1.25 × floor``; for a peer's value with its name."""
        limit = "the best peer" if self.limit is None else f"{_number(self.limit)} {self.target.unit}"
        return f"{self.target.sense} {limit}{f' ({self.peer})' if self.peer else ''}"

    @property
    def found(self) -> str:
        """``1.31 × floor``, or ``–``."""
        if self.value is None:
            return "–"
        return "never" if math.isinf(self.value) else f"{_number(self.value)} {self.target.unit}"


def verdicts_of(question: str, rows: Sequence[Row]) -> list[Verdict]:
    """One for each target of ``question``, in the order of the table."""
    return [judge(target, rows) for target in TARGETS if target.question == question]


def judge(target: Target, rows: Sequence[Row]) -> Verdict:
    """The row that decides of those that ``target`` is about; without values where there are none."""
    matching = [row for row in rows if all(row.get(name) == wanted for name, wanted in target.where.items())]
    if target.largest and matching:
        most = max(row[target.largest] for row in matching)
        matching = [row for row in matching if row[target.largest] == most]
    judged = [_judge_row(target, row, rows) for row in matching]
    known = [verdict for verdict in judged if verdict.is_met is not None]
    decides = min if target.best_decides else max
    return decides(known, key=lambda verdict: verdict.shortfall, default=Verdict(target, limit=target.limit))


def render_verdicts(question: str, rows: Sequence[Row]) -> str:
    """One line for each target of ``question``; empty where it has none."""
    lines = [
        f"- {verdict.target.asks}: {verdict.found}, wanted {verdict.wanted}: {verdict.result}"
        for verdict in verdicts_of(question, rows)
    ]
    return "\n".join(["Targets:", "", *lines]) if lines else ""


def _judge_row(target: Target, row: Row, rows: Sequence[Row]) -> Verdict:
    doubts = "".join(dict.fromkeys(mark for name, mark in _MARKS.items() if row.get(name))) if target.is_timed else ""
    if target.limit is not BEST_PEER:
        return Verdict(target, target.value(row), target.limit, doubts=doubts)
    peers = [
        (value, other["server"])
        for other in rows
        if other["server"] not in (row["server"], _FLOOR)
        and all(other[name] == row[name] for name in target.same)
        and (value := target.value(other)) is not None
    ]
    best, peer = min(peers, default=(None, None))
    return Verdict(target, target.value(row), best, peer, doubts)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else f"{share:.1%}"
