"""Builds the C programs of ``bench/peers`` with the system's compiler, into a folder that git ignores."""

import shutil
import subprocess
from pathlib import Path

__all__ = ["BUILD_FOLDER", "build"]

BUILD_FOLDER = Path(__file__).parent / ".build"
_SOURCES = Path(__file__).parent / "peers"


def build(name: str) -> Path | None:
    """The program built from ``bench/peers/NAME.c``, or None where the system has no C compiler.

    Raises: RuntimeError with the compiler's words when the source does not compile.
    """
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        return None
    program = BUILD_FOLDER / name
    BUILD_FOLDER.mkdir(exist_ok=True)
    command = [compiler, "-O2", "-Wall", "-Wextra", "-o", str(program), str(_SOURCES / f"{name}.c")]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if finished.returncode:
        raise RuntimeError(f"bench/peers/{name}.c does not compile:\n{finished.stderr}")
    return program
