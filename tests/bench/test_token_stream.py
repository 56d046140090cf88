"""bench.token_stream in small, on the real gateway; its load generator charges a gateway for what it kept waiting."""

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.generator import GeneratorFailed
from bench.native import build
from bench.open_loop import quantile_ms
from bench.processes import Running, run_server
from bench.storm_dialogue import sign
from bench.storm_server import authenticated_server
from bench.stream_dialogue import Tab, seats, tab_lines
from bench.stream_load import Backends, StreamLoad, run_stream_load

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SECRET = secrets.token_hex(32)
STREAMS = 4
STOPPED_S = 0.4


@pytest.fixture(scope="module")
def program() -> Path:
    built = build("stream_load")
    if built is None:
        pytest.fail("no C compiler: apt-get install build-essential")
    return built


@pytest.fixture(scope="module")
def gateway() -> Iterator[Running]:
    with run_server(authenticated_server(100, SECRET), 0) as running:
        yield running


@contextmanager
def _load(
    gateway: Running, program: Path, folder: Path, tabs: list[Tab], may_publish: str = "bench:*"
) -> Iterator[StreamLoad]:
    path, now_s = folder / "tabs", time.time()
    path.write_text("".join(tab_lines(tabs, SECRET, now_s)))
    token = sign(SECRET, "backend", now_s, publish=[may_publish])
    backends = Backends(count=2, topics=STREAMS, tick_us=20_000, max_batch=100, text="x", token=token)
    with run_stream_load(program, gateway.port, path, backends, 1) as load:
        load.connect()
        load.subscribe()
        yield load


def test_a_small_run_holds_a_low_rate_and_writes_it_down(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    small = ["--streams", "6", "--tabs", "12", "--backends", "2", "--rates", "10", "--seconds", "0.5"]
    command = [sys.executable, "-m", "bench.token_stream", *small, "--json", str(path)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert finished.returncode == 0, finished.stderr
    [cell] = json.loads(path.read_text())["cells"]
    lost = [cell[name] for name in ("missing", "disordered", "refused", "unsent", "tabs_ended")]
    assert lost == [0, 0, 0, 0, 0]
    assert (cell["messages"], cell["due"]) == (30, 60)
    assert 0 < cell["p50_ms"] <= cell["p99_ms"] <= cell["max_ms"]
    assert "10 tokens a second each" in finished.stdout


def test_every_tab_of_every_stream_gets_every_token_once(gateway: Running, program: Path, tmp_path: Path) -> None:
    with _load(gateway, program, tmp_path, seats(STREAMS, 8)) as load:
        result = load.run(400, 0.3)
    assert (result.messages, result.due, result.received) == (120, 240, 240)
    assert (result.disordered, result.refused, result.unsent, result.tabs_ended) == (0, 0, 0, 0)


def test_a_gateway_that_stands_still_is_charged_for_what_was_due_meanwhile(
    gateway: Running, program: Path, tmp_path: Path
) -> None:
    with _load(gateway, program, tmp_path, seats(STREAMS, STREAMS)) as load:
        load.run(100, 0.1)
        os.kill(gateway.pid, signal.SIGSTOP)
        waker = threading.Timer(STOPPED_S, os.kill, (gateway.pid, signal.SIGCONT))
        waker.start()
        result = load.run(100, 0.4)
        waker.join()
    # Due evenly over the stop: half of them waited for half of it at least, though few requests were on their way.
    half_ms = quantile_ms(result, 0.5)
    assert result.received == result.due == 40
    assert half_ms is not None
    assert half_ms >= STOPPED_S * 1000 * 0.4


def test_what_the_token_does_not_allow_ends_the_run_with_the_answer(
    gateway: Running, program: Path, tmp_path: Path
) -> None:
    with (
        _load(gateway, program, tmp_path, seats(STREAMS, STREAMS), may_publish="other:*") as load,
        pytest.raises(GeneratorFailed, match=r"answered HTTP/1\.1 403"),
    ):
        load.run(100, 0.1)


def test_refused_messages_of_a_batch_are_counted_and_missed(gateway: Running, program: Path, tmp_path: Path) -> None:
    with _load(gateway, program, tmp_path, seats(STREAMS, STREAMS), may_publish="bench:00000") as load:
        result = load.run(400, 0.2, 0.3)
    assert result.refused == 60
    assert result.due - result.received == 60


def test_idle_tabs_answer_the_heartbeat_and_so_stay(program: Path, tmp_path: Path) -> None:
    server = authenticated_server(100, SECRET)
    beat = {"FANWIRE_HEARTBEAT__INTERVAL_S": "0.1", "FANWIRE_HEARTBEAT__TIMEOUT_S": "0.4"}
    with (
        run_server(replace(server, environment={**server.environment, **beat}), 0) as gateway,
        _load(gateway, program, tmp_path, seats(STREAMS, STREAMS)) as load,
    ):
        assert load.idle(0.8) >= STREAMS
        assert load.run(100, 0.1).tabs_ended == 0


def test_tabs_that_leave_a_stream_alone_are_refused_before_anything_starts() -> None:
    command = [sys.executable, "-m", "bench.token_stream", "--streams", "10", "--tabs", "9"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert finished.returncode == 2
    assert "--tabs: 9 of 10 streams" in finished.stderr
