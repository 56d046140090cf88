"""A wheel of this checkout, built as a release is: of what git tracks, and of the built browser client."""

import subprocess
import sys
from pathlib import Path

__all__ = ["ROOT", "wheel_of_checkout"]

ROOT = Path(__file__).parents[2]
BUILD_S = 120


def wheel_of_checkout(folder: Path) -> Path:
    """Built below ``folder``, from a copy: setuptools leaves a build folder behind, and its files in the next wheel.

    Raises: FileNotFoundError where the browser client was not built, CalledProcessError where the wheel cannot be.
    """
    static = ROOT / "server" / "static"
    if not (static / ".built").exists():
        raise FileNotFoundError("server/static/ is missing. Run: make test (or node frontend/build.mjs)")
    project = folder / "project"
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    built = [f"server/static/{file.name}" for file in static.iterdir() if file.is_file()]
    for name in [*filter(None, listed.split("\n")), *built]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", str(folder), str(project)]
    subprocess.run(command, check=True, capture_output=True, timeout=BUILD_S)
    (wheel,) = folder.glob("*.whl")
    return wheel
