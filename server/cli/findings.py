"""What ``fanwire doctor`` says about versions, limits and extras: values in, one finding out, nothing read."""

import re
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "FLOORS",
    "Finding",
    "Verdict",
    "dependency_finding",
    "extra_finding",
    "fd_finding",
    "python_finding",
    "version_numbers",
]

Verdict = Literal["ok", "warn", "fail"]

PYTHON_FLOOR = (3, 11)
# Older ones have published holes that a gateway would expose; the others only need to be there.
FLOORS = {"tornado": "6.6.1", "ujson": "5.12", "PyJWT": "2.15", "pykka": "4.5", "statsd": "4.0"}
# Logs, the bus, the listener, files being served: what a gateway opens besides its clients.
SPARE_DESCRIPTORS = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was looked at, what was found, and, unless it is ok, what to do."""

    verdict: Verdict
    subject: str
    found: str
    advice: str = ""

    def __str__(self) -> str:
        what_to_do = f" -> {self.advice}" if self.advice else ""
        return f"{self.verdict:<5}{self.subject}: {self.found}{what_to_do}"


def python_finding(running: tuple[int, ...]) -> Finding:
    shown = ".".join(map(str, running))
    if running[:2] >= PYTHON_FLOOR:
        return Finding("ok", "Python", shown)
    return Finding("fail", "Python", shown, "install Python 3.11 or newer")


def dependency_finding(name: str, installed: str | None) -> Finding:
    """``installed``: a version such as ``6.6.1``, None where the package is missing."""
    floor = FLOORS[name]
    advice = f"pip install '{name}>={floor}'"
    if installed is None:
        return Finding("fail", name, "missing", advice)
    if version_numbers(installed) < version_numbers(floor):
        return Finding("fail", name, f"{installed} is older than {floor}", advice)
    return Finding("ok", name, installed)


def extra_finding(extra: str, package: str, installed: str | None) -> Finding:
    if installed is None:
        return Finding(
            "warn", f"extra {extra}", f"{package} is missing", f"if you need it: pip install 'fanwire[{extra}]'"
        )
    return Finding("ok", f"extra {extra}", f"{package} {installed}")


def fd_finding(soft_limit: int, connections: int) -> Finding:
    """``soft_limit`` as RLIMIT_NOFILE has it: -1 is no limit."""
    needed = connections + SPARE_DESCRIPTORS
    if soft_limit < 0 or soft_limit >= needed:
        return Finding("ok", "open files", f"{soft_limit if soft_limit >= 0 else 'unlimited'}, {needed} needed")
    found = f"{soft_limit}, {needed} needed for limits.connections = {connections}"
    advice = f"ulimit -n {needed} (systemd: LimitNOFILE={needed}), or lower limits.connections"
    # Nothing breaks before the last descriptor is taken, and on a laptop it never is.
    return Finding("warn" if soft_limit >= SPARE_DESCRIPTORS * 2 else "fail", "open files", found, advice)


def version_numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: ``6.6.1.post2`` -> (6, 6, 1)."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
