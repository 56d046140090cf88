"""A wheel holds the built browser client, so that an installed gateway serves it, and none of its sources."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_wheel_has_the_built_client_and_no_sources_of_it(tmp_path: Path) -> None:
    static = ROOT / "server" / "static"
    if not (static / ".built").exists():
        raise FileNotFoundError("server/static/ is missing. Run: make test (or node frontend/build.mjs)")
    # In a copy: setuptools leaves a build folder behind in the checkout, whose files end up in the next wheel.
    project = tmp_path / "project"
    project.mkdir()
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    for name in [*filter(None, tracked), *(f"server/static/{file.name}" for file in static.iterdir())]:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "-w",
        tmp_path,
        project,
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    built = {file.name for file in static.glob("*.js")}
    assert built >= {"index.js", "event_stream.js", "overlay.js", "fanwire.iife.js"}
    assert {name.removeprefix("server/static/") for name in names if name.startswith("server/static/")} >= built
    assert not [name for name in names if name.startswith(("frontend/", "tests/"))]
