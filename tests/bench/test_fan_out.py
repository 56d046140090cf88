"""bench.fan_out: the whole comparison, small, with real servers and both load generators."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bench.cells import measure_server
from bench.dialogue import publish_text
from bench.generator import GeneratorFailed, build_generator, run_generator
from bench.processes import ServerDied, run_server
from bench.servers import Server, resolve

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
PYTHON_FLOOR = Server("floor", "in Python", (sys.executable, "-m", "bench.peers.floor", "{port}"))


def test_a_small_comparison_fills_every_cell_and_writes_it_down(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    arguments = (
        "--servers floor,fanwire,fastapi,websockets --subscribers 5,120 --outstanding 1,4 --seconds 0.2 --rounds 1"
    )
    command = [sys.executable, "-m", "bench.fan_out", *arguments.split(), "--json", str(path)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr
    run = json.loads(path.read_text())
    assert run["skipped"] == []
    assert len(run["cells"]) == 4 * 2 * 2
    # Within a few bytes: the gateway writes a time whose digits vary.
    assert all(abs(cell["payload_bytes"] - 180) < 4 for cell in run["cells"])
    assert all(cell["cpu_us"] > 0 and cell["p99_ms"] >= cell["p50_ms"] > 0 for cell in run["cells"])
    assert "### 120 subscribers, 4 outstanding" in finished.stdout


def test_the_python_floor_and_the_python_generator_do_without_a_compiler() -> None:
    (cell,) = measure_server(PYTHON_FLOOR, 120, [4], 0.2, 1, None)
    assert cell.messages >= 1
    assert cell.payload_bytes == 180.0


@pytest.mark.parametrize("native", [True, False])
def test_subscribers_give_the_signs_of_life_that_a_server_asks_for(native: bool) -> None:
    program = build_generator() if native else None
    if native and program is None:
        pytest.fail("no C compiler: apt-get install build-essential")
    gateway = resolve("fanwire")
    impatient = {"FANWIRE_HEARTBEAT__INTERVAL_S": "0.5", "FANWIRE_HEARTBEAT__TIMEOUT_S": "2"}
    server = replace(gateway, environment={**gateway.environment, **impatient})
    (cell,) = measure_server(server, 3, [1], 3.5, 1, program)
    assert cell.messages >= 100


def test_a_size_that_does_not_fit_the_descriptors_is_skipped_loudly() -> None:
    command = [sys.executable, "-m", "bench.fan_out", "--servers", "floor", "--subscribers", "100000000"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 1
    assert "NOT MEASURED: 100000000 subscribers: RLIMIT_NOFILE" in finished.stdout


def test_a_server_that_does_not_start_is_reported_with_its_own_words() -> None:
    broken = Server("broken", "", (sys.executable, "-c", "raise SystemExit('no such option')"))
    with pytest.raises(ServerDied, match="no such option"), run_server(broken, 0):
        pass


@pytest.mark.parametrize("native", [True, False])
def test_a_generator_whose_server_is_gone_says_so(native: bool) -> None:
    program = build_generator() if native else None
    if native and program is None:
        pytest.fail("no C compiler: apt-get install build-essential")
    with run_server(resolve("floor"), 0) as running:
        port = running.port
    with (
        run_generator(port, 5, publish_text(180, 0), 1, 10.0, program) as generator,
        pytest.raises(GeneratorFailed, match=r"[Rr]efused"),
    ):
        generator.expect("publisher")
