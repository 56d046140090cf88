"""What a process holds and waits for, read from /proc: memory, sockets, its turn on a core. Owns no state.

Linux only (proc(5)). The process alone counts, not its children.
"""

import os
from dataclasses import dataclass
from pathlib import Path

__all__ = [
    "Resident",
    "open_descriptors",
    "open_sockets",
    "peak_rss_bytes",
    "reset_peak_rss",
    "resident",
    "waited_for_core_s",
]

_PROC = Path("/proc")
_RESET_PEAK = "5"


@dataclass(frozen=True, slots=True)
class Resident:
    """Memory in RAM: all that is mapped, and the same with each shared page divided among those that share it."""

    rss_bytes: int
    pss_bytes: int


def resident(pid: int) -> Resident:
    """What ``pid`` has in RAM now, by page and not by the kernel's per-thread estimate.

    Raises: FileNotFoundError when there is no such process, PermissionError when it is another user's.
    """
    lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    kib = {name: int(words.split()[0]) for name, _, words in (line.partition(":") for line in lines[1:])}
    return Resident(kib["Rss"] * 1024, kib["Pss"] * 1024)


def reset_peak_rss(pid: int) -> None:
    """Let the peak of resident memory of ``pid`` begin again at what it has now.

    Raises: FileNotFoundError when there is no such process, PermissionError when it is another user's.
    """
    (_PROC / str(pid) / "clear_refs").write_text(_RESET_PEAK)


def peak_rss_bytes(pid: int) -> int:
    """The most resident memory that ``pid`` had since it began, or since ``reset_peak_rss``.

    Raises: FileNotFoundError when there is no such process.
    """
    for line in (_PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(f"pid {pid}: /proc names no VmHWM, so it has ended; see its log")


def open_descriptors(pid: int) -> int:
    """How many descriptors of any kind ``pid`` holds open: cheap enough to be asked again and again.

    Raises: FileNotFoundError when there is no such process.
    """
    with os.scandir(_PROC / str(pid) / "fd") as held:
        return sum(1 for _ in held)


def open_sockets(pid: int) -> int:
    """How many sockets ``pid`` holds open: what a server has let go of is no longer among them.

    Raises: FileNotFoundError when there is no such process.
    """
    held = 0
    for descriptor in (_PROC / str(pid) / "fd").iterdir():
        try:
            held += str(descriptor.readlink()).startswith("socket:")
        except FileNotFoundError:  # closed since the folder was listed: not held
            continue
    return held


def waited_for_core_s(pid: int) -> float:
    """Seconds for which the main thread of ``pid`` could have run while its core ran something else.

    Raises: FileNotFoundError when there is no such process.
    """
    # Second field of /proc/PID/schedstat: time on the run queue in ns (Documentation/scheduler/sched-stats.rst).
    return int((_PROC / str(pid) / "schedstat").read_text().split()[1]) / 1e9
