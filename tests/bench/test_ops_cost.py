"""bench.ops_cost, small: the page is asked for in one of the two windows, and every question is answered."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_a_round_has_a_window_without_and_one_with_a_page(tmp_path: Path) -> None:
    result = tmp_path / "result.json"
    options = ["--connections", "20", "--seconds", "2", "--rounds", "1", "--json", str(result)]
    command = [sys.executable, "-m", "bench.ops_cost", *options]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 0, finished.stderr
    without, page = json.loads(result.read_text())["cells"]
    assert (without["asks"], without["answers_s"]) == (False, [])
    assert (page["asks"], len(page["answers_s"])) == (True, 2)
    assert page["answer_bytes"] > 1000
    assert "an open ops page, share of one core" in finished.stdout
