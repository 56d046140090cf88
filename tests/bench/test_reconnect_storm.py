"""bench.reconnect_storm: a small storm on the real gateway; its load generator sees what goes wrong."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.generator import GeneratorFailed
from bench.native import build
from bench.open_loop import quantile_ms
from bench.processes import Running, run_server
from bench.storm_dialogue import Resume, client_lines, room_messages
from bench.storm_load import StormLoad, run_storm_load
from bench.storm_server import authenticated_server, fill_rooms, is_turning

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
SECRET = "a secret that is long enough for HS256"
RESUME = Resume(topics=2, missed=3, rooms=5)
CLIENTS = 40


@pytest.fixture(scope="module")
def program() -> Path:
    built = build("storm_load")
    if built is None:
        pytest.fail("no C compiler: apt-get install build-essential")
    return built


@pytest.fixture(scope="module")
def gateway() -> Iterator[Running]:
    with run_server(authenticated_server(CLIENTS, SECRET), 0) as running:
        yield running


@pytest.fixture(scope="module")
def seen(gateway: Running) -> dict[int, int | str]:
    return fill_rooms(gateway.port, RESUME, SECRET)


@contextmanager
def _load(
    gateway: Running, program: Path, folder: Path, seen: Mapping[int, int | str], secret: str = SECRET
) -> Iterator[StormLoad]:
    clients = folder / "clients"
    clients.write_text("".join(client_lines(CLIENTS, RESUME, seen, secret, time.time())))
    with run_storm_load(program, gateway.port, RESUME, clients, 1) as load:
        yield load


def _bench(*arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.reconnect_storm", *arguments]
    environment = None if path is None else {"PATH": path}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False)


def test_a_small_storm_fills_every_cell_and_writes_it_down(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    finished = _bench("--clients", "200", "--topics", "2", "--rounds", "1", "--json", str(path))
    assert finished.returncode == 0, finished.stderr
    run = json.loads(path.read_text())
    assert run["skipped"] == []
    assert [(cell["clients"], cell["replayed"]) for cell in run["cells"]] == [(50, 300), (100, 600), (200, 1200)]
    for cell in run["cells"]:
        assert cell["max_ms"] >= cell["p99_ms"] >= cell["p50_ms"] > 0
        assert cell["cpu_us"] > 0
        assert cell["gone_s"] > 0
    largest = run["cells"][-1]
    assert 1 < largest["pss_kib"] < 1000
    assert "wanted at least 2,500 /s" in finished.stdout
    assert "3 messages behind on 2 of 100 topics" in finished.stdout


def test_every_client_is_timed_from_the_beginning_of_the_storm_however_late_it_begins(
    gateway: Running, program: Path, seen: dict[int, int | str], tmp_path: Path
) -> None:
    with _load(gateway, program, tmp_path, seen) as load:
        result = load.storm(CLIENTS, 1)
    assert result.clients == sum(count for _, count in result.histogram) == CLIENTS
    assert result.replayed == CLIENTS * RESUME.messages
    # One at a time: the one in the middle is live after about half of the time, and 1/40 of it after its own connect().
    p50_ms = quantile_ms(result, 0.5)
    assert p50_ms is not None
    assert p50_ms > result.wall_s * 1000 / 4


def test_clients_that_were_aborted_come_back_again(
    gateway: Running, program: Path, seen: dict[int, int | str], tmp_path: Path
) -> None:
    with _load(gateway, program, tmp_path, seen) as load:
        for _ in range(3):
            assert load.storm(CLIENTS, 16).replayed == CLIENTS * RESUME.messages
            load.abort()
    assert is_turning(gateway.port)


def test_a_token_that_is_refused_ends_the_storm_with_the_close_code(
    gateway: Running, program: Path, seen: dict[int, int | str], tmp_path: Path
) -> None:
    with (
        _load(gateway, program, tmp_path, seen, secret="another secret, as long as the first one") as load,
        pytest.raises(GeneratorFailed, match="closed 4401"),
    ):
        load.storm(CLIENTS, 16)


def test_a_position_that_is_not_recovered_ends_the_storm(
    gateway: Running, program: Path, seen: dict[int, int | str], tmp_path: Path
) -> None:
    unknown = {room: int(seq) - 1 for room, seq in seen.items()}
    with (
        _load(gateway, program, tmp_path, unknown) as load,
        pytest.raises(GeneratorFailed, match="not everything was recovered"),
    ):
        load.storm(CLIENTS, 16)


def test_a_message_that_is_left_out_ends_the_storm(
    gateway: Running, program: Path, seen: dict[int, int | str], tmp_path: Path
) -> None:
    # Clients that have seen one message more than the load generator knows of: the first that is due never comes.
    ahead = {room: str(room_messages(room, 1)[1]["id"]) for room in seen}
    with (
        _load(gateway, program, tmp_path, ahead) as load,
        pytest.raises(GeneratorFailed, match="not the message that is next"),
    ):
        load.storm(CLIENTS, 16)


def test_a_message_that_never_comes_is_not_waited_for_for_ever(
    gateway: Running, program: Path, seen: dict[int, int | str], tmp_path: Path
) -> None:
    at_the_top = {room: str(room_messages(room, RESUME.missed)[-1]["id"]) for room in seen}
    with (
        _load(gateway, program, tmp_path, at_the_top) as load,
        pytest.raises(GeneratorFailed, match="40 of 40 clients are not live, and none has"),
    ):
        load.storm(CLIENTS, 16, 0.3)


def test_history_that_is_refused_is_an_error_with_the_gateways_words(gateway: Running) -> None:
    with pytest.raises(RuntimeError, match="401"):
        fill_rooms(gateway.port, RESUME, "another secret, as long as the first one")


def test_without_a_compiler_it_says_what_to_install_and_measures_nothing() -> None:
    finished = _bench("--clients", "10", path="/nowhere")
    assert finished.returncode == 1
    assert "no C compiler" in finished.stderr
    assert "install gcc" in finished.stderr


def test_clients_that_do_not_fit_the_descriptors_are_refused_with_the_limit() -> None:
    command = f"ulimit -n 500; exec {sys.executable} -m bench.reconnect_storm --clients 400"
    finished = subprocess.run(
        ["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 1
    assert "400 do not fit RLIMIT_NOFILE, 500" in finished.stderr
