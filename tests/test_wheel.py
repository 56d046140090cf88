"""A wheel holds the built browser client, so that an installed gateway serves it, and none of its sources."""

import zipfile
from pathlib import Path

import pytest
from wheels import ROOT, wheel_of_checkout


@pytest.mark.slow
def test_the_wheel_has_the_built_client_and_no_sources_of_it(tmp_path: Path) -> None:
    wheel = wheel_of_checkout(tmp_path)
    names = zipfile.ZipFile(wheel).namelist()
    static = ROOT / "server" / "static"
    built = {file.name for kind in ("js", "css", "html") for file in static.glob(f"*.{kind}")}
    assert built >= {"index.js", "event_stream.js", "overlay.js", "fanwire.iife.js", "demo.html", "ops.html", "ops.css"}
    assert {name.removeprefix("server/static/") for name in names if name.startswith("server/static/")} >= built
    assert not [name for name in names if name.startswith(("frontend/", "tests/"))]
