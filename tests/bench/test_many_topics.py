"""bench.many_topics as it is run, in small: more topics on a connection than the gateway allows by itself."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_topic_gets_its_messages_however_many_a_connection_has(tmp_path: Path) -> None:
    kept = tmp_path / "run.json"
    small = ["--topics", "240", "--each", "120", "--rate", "480", "--seconds", "0.5", "--rounds", "1"]
    command = [sys.executable, "-m", "bench.many_topics", *small, "--json", str(kept)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    [cell] = json.loads(kept.read_text())["cells"]
    assert (cell["topics"], cell["tabs"]) == (240, 2)
    assert (cell["messages"], cell["due"], cell["missing"]) == (240, 240, 0)
    assert cell["topic_kib"] > 0
    assert "240 topics with one subscriber each" in ran.stdout
