"""What a process holds and waits for, read from /proc: peak memory, sockets, its turn on a core. Owns no state.

Linux only (proc(5)). The process alone counts, not its children.
"""

from pathlib import Path

__all__ = ["open_sockets", "peak_rss_bytes", "reset_peak_rss", "waited_for_core_s"]

_PROC = Path("/proc")
_RESET_PEAK = "5"


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
