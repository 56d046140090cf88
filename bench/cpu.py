"""What a process costs, read from /proc, and which core it runs on. Owns no state. Linux only (proc(5)).

A process's children count with it: a server that forks workers is one server.
"""

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Usage", "children", "pin", "usage"]

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time used so far (user + system) and resident memory, of a process and its children."""

    cpu_s: float
    rss_bytes: int


def usage(pid: int) -> Usage:
    """What ``pid`` and everything it started use now; CPU time in steps of a clock tick (10 ms as a rule).

    Raises: ProcessLookupError when there is no such process.
    """
    statuses = [_status(member) for member in [pid, *_descendants(pid)]]
    ticks = sum(int(fields[11]) + int(fields[12]) for fields in statuses)
    pages = sum(int(fields[21]) for fields in statuses)
    return Usage(ticks / _TICKS_PER_S, pages * _PAGE_BYTES)


def pin(pid: int, core: int) -> bool:
    """Keep ``pid`` on ``core``; False, and nothing done, where this process may not use that core."""
    if core not in os.sched_getaffinity(0):
        return False
    os.sched_setaffinity(pid, {core})
    return True


def _status(pid: int) -> list[str]:
    # The fields of proc(5) from "state" on: the name before them may contain spaces and parentheses.
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except FileNotFoundError as error:
        raise ProcessLookupError(f"pid {pid}: the process has ended; see its log") from error
    return text.rpartition(")")[2].split()


def children(pid: int) -> list[int]:
    """The processes that ``pid`` started and that run, without theirs."""
    found: list[int] = []
    for task in (_PROC / str(pid) / "task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


def _descendants(pid: int) -> list[int]:
    return [member for child in children(pid) for member in (child, *_descendants(child))]
