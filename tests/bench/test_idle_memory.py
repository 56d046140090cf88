"""bench.idle_memory as it is run, in small: every server holds its connections and is measured."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_server_holds_idle_connections_and_fanwire_alone_is_left_to_its_heartbeat(tmp_path: Path) -> None:
    kept = tmp_path / "run.json"
    small = ["--connections", "150", "--servers", "fanwire,websockets", "--seconds", "0.5"]
    command = [sys.executable, "-m", "bench.idle_memory", *small, "--json", str(kept)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    cells = {cell["server"]: cell for cell in json.loads(kept.read_text())["cells"]}
    for cell in cells.values():
        assert 1 < cell["rss_kib"] < 1000
        assert 1 < cell["pss_kib"] < 1000
    assert (cells["fanwire"]["idle_s"], cells["websockets"]["idle_s"]) == (0.5, 0.0)
    assert "wanted at most 16 KiB: no verdict" in ran.stdout


@pytest.mark.slow
def test_a_server_that_is_not_known_is_refused_with_those_that_are() -> None:
    command = [sys.executable, "-m", "bench.idle_memory", "--servers", "nginx"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 2
    assert "nginx: unknown, choose from fanwire, websockets, fastapi" in ran.stderr
