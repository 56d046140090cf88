"""What a result was measured on: processor, kernel, versions. Owns no state."""

import os
import platform
import resource
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["describe_machine", "raise_descriptor_limit"]

_PACKAGES = ("tornado", "pykka", "ujson", "PyJWT", "fastapi", "uvicorn", "uvloop", "httptools", "websockets")


def describe_machine() -> dict[str, object]:
    """Facts that a reader needs to judge a number: JSON values by name."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_average_at_start": [round(load, 2) for load in os.getloadavg()],
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
    }


def raise_descriptor_limit() -> int:
    """Raise the soft RLIMIT_NOFILE to the hard one, for this process and its children; returns it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
