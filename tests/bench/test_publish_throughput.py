"""bench.publish_throughput as it is run, in small; its load generator counts what arrives and what is refused."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.generator import GeneratorFailed
from bench.native import build
from bench.processes import Running, run_server
from bench.publish_load import PublishResult, run_publish_load
from bench.storm_dialogue import sign
from bench.storm_server import authenticated_server
from bench.stream_dialogue import Tab, tab_lines

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECRET = secrets.token_hex(32)
WINDOW_S = 0.1


@pytest.fixture(scope="module")
def program() -> Path:
    built = build("publish_load")
    if built is None:
        pytest.fail("no C compiler: apt-get install build-essential")
    return built


@pytest.fixture(scope="module")
def gateway() -> Iterator[Running]:
    with run_server(authenticated_server(10, SECRET), 0) as running:
        yield running


def _publish(
    gateway: Running, program: Path, folder: Path, batch: int, subscribers: int, may_publish: str = "bench:*"
) -> PublishResult:
    tabs, now_s = folder / "tabs", time.time()
    tabs.write_text("".join(tab_lines([Tab(0, 1)] * subscribers, SECRET, now_s)))
    token = sign(SECRET, "backend", now_s, publish=[may_publish])
    with run_publish_load(program, gateway.port, tabs, 3, " token", token, 1) as load:
        load.begin(batch, WINDOW_S, WINDOW_S)
        load.run()
        return load.result()


def test_every_way_is_measured_and_written_down(tmp_path: Path) -> None:
    kept = tmp_path / "run.json"
    small = ["--in-flight", "2", "--batches", "50", "--subscribers", "1", "--seconds", "0.2", "--rounds", "1"]
    command = [sys.executable, "-m", "bench.publish_throughput", *small, "--json", str(kept)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    *cells, idle = json.loads(kept.read_text())["cells"]
    assert [(cell["batch"], cell["in_flight"]) for cell in cells] == [(1, 2), (50, 1), (50, 4)]
    for cell in cells:
        assert cell["refused"] == 0
        assert cell["messages_per_s"] > 0
        assert cell["answer_p99_ms"] >= cell["answer_p50_ms"] > 0
        assert cell["arrival_p99_ms"] >= cell["arrival_p50_ms"] > 0
    assert (idle["messages"], idle["missing"]) == (20, 0)
    assert "From due to socket at an idle gateway" in ran.stdout


@pytest.mark.parametrize("batch", [1, 7])
def test_the_subscriber_gets_every_message_that_was_answered(
    gateway: Running, program: Path, tmp_path: Path, batch: int
) -> None:
    result = _publish(gateway, program, tmp_path, batch, subscribers=1)
    assert result.received == result.messages > 0
    assert result.messages % batch == result.refused == 0
    assert sum(count for _, count in result.answers) == result.messages // batch
    assert sum(count for _, count in result.deliveries) == result.messages


def test_without_a_subscriber_nothing_arrives_and_nothing_is_waited_for(
    gateway: Running, program: Path, tmp_path: Path
) -> None:
    result = _publish(gateway, program, tmp_path, 1, subscribers=0)
    assert result.messages > 0
    assert (result.received, list(result.deliveries)) == (0, [])


def test_a_publish_that_is_forbidden_ends_the_run_with_the_answer(
    gateway: Running, program: Path, tmp_path: Path
) -> None:
    with pytest.raises(GeneratorFailed, match=r"answered HTTP/1\.1 403"):
        _publish(gateway, program, tmp_path, 1, subscribers=0, may_publish="other:*")


def test_refused_messages_of_a_batch_are_counted_and_not_waited_for(
    gateway: Running, program: Path, tmp_path: Path
) -> None:
    result = _publish(gateway, program, tmp_path, 5, subscribers=1, may_publish="other:*")
    assert result.refused == result.messages > 0
    assert result.received == 0
