"""bench.scale_out as it is run, in small: every cell comes, from real gateways on a real Redis."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_cell_is_measured_and_a_fresh_worker_asks_redis_for_each_topic_once(tmp_path: Path) -> None:
    kept = tmp_path / "run.json"
    small = ["--subscribers", "20", "--seconds", "1", "--clients", "120", "--rounds", "1", "--json", str(kept)]
    command = [sys.executable, "-m", "bench.scale_out", "--buses", "memory,redis", *small]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    run = json.loads(kept.read_text())
    latencies, deliveries, storms = (
        [cell for cell in run["cells"] if cell["kind"] == kind] for kind in ("latency", "deliveries", "storm")
    )
    assert [(cell["bus"], cell["missing"]) for cell in latencies] == [("memory", 0), ("redis", 0)]
    assert [(cell["bus"], cell["workers"]) for cell in deliveries] == [
        ("memory", 1),
        ("redis", 1),
        ("redis", 2),
    ]
    asked = {(cell["bus"], cell["is_fresh"]): cell["asked"] for cell in storms}
    assert asked["memory", False] == {}
    # 100 topics that are shared and one of each client's own; the shared ones are not loaded by who has them.
    assert asked["redis", True]["xrange"] == 100 + 120
    assert "what redis adds to the median" in ran.stdout
