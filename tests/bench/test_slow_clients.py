"""bench.slow_clients: the whole comparison, small, with real servers; its load generator sees what goes wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.dialogue import publish_text
from bench.native import build
from bench.open_loop import OpenLoopResult, Stalls, run_open_load
from bench.processes import run_server
from bench.servers import Server, resolve
from bench.stall_cells import Setting, Subject, measure_stalls
from bench.stall_report import summarise_stalls
from bench.stall_subjects import find_subjects

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
PUBLISH = publish_text(1024, 0)

# A floor that treats each text it is given as ``handle`` says; what it sends is what the generator has to judge.
_FLOOR = """
import sys
from bench.peers.floor import Floor
handle, texts = Floor._handle, []
def odd(floor, fd, text):
    if b'"subscribe"' in bytes(text):
        return handle(floor, fd, text)
    texts.append(text)
    n = len(texts)
    {odd}
Floor._handle = odd
Floor(int(sys.argv[1])).serve_forever()
"""


@pytest.fixture(scope="module")
def program() -> Path:
    built = build("open_load")
    if built is None:
        pytest.fail("no C compiler: apt-get install build-essential")
    return built


def _floor_that(odd: str) -> Server:
    return Server("odd", odd, (sys.executable, "-c", _FLOOR.replace("{odd}", odd), "{port}"))


def _run(server: Server, program: Path, stalls: Stalls, messages: int) -> OpenLoopResult:
    with (
        run_server(server, 0) as running,
        run_open_load(program, running.port, stalls, PUBLISH, 1, 20.0) as load,
    ):
        load.connect()
        return load.run(100, messages, 0.3)


def test_a_small_comparison_fills_every_cell_and_writes_and_draws_it(program: Path, tmp_path: Path) -> None:
    written, drawn = tmp_path / "run.json", tmp_path / "run.png"
    arguments = "--servers fanwire,websockets --subscribers 20 --stalled 0,50 --rates 100 --seconds 0.5 --rounds 1"
    command = [sys.executable, "-m", "bench.slow_clients", *arguments.split()]
    command += ["--json", str(written), "--plot", str(drawn)]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert finished.returncode == 0, finished.stderr
    run = json.loads(written.read_text())
    assert run["setting"]["carried with nobody stalled, messages/s"] == {"fanwire": 100, "websockets": 100}
    assert [(cell["server"], cell["stalled"]) for cell in run["cells"]] == [
        ("fanwire", 0),
        ("fanwire", 10),
        ("websockets", 0),
        ("websockets", 10),
    ]
    for cell in run["cells"]:
        assert (cell["missing"], cell["disordered"], cell["healthy_ended"], cell["refused"]) == (0, 0, 0, 0)
        assert cell["max_ms"] >= cell["p99_ms"] >= cell["p50_ms"] > 0
        assert sum(cell["fates"].values()) == cell["stalled"]
    assert drawn.read_bytes().startswith(b"\x89PNG")


def test_gather_stops_for_everyone_when_one_in_ten_stalls_and_the_report_says_when(program: Path) -> None:
    subject = Subject(resolve("fastapi"), "–")
    cell = measure_stalls(subject, Setting(100, 10, 20, 2.5), 1, program)
    (row,) = summarise_stalls([cell])
    assert cell.stalled == 2
    assert cell.missing > cell.due * 0.01
    assert row.p99_ms is None
    assert re.search(r"the healthy got [\d,]+ of 4,500, nothing after \d\.\d s of 2\.5 s", row.remark)


def test_fanwire_lets_stalled_subscribers_go_and_misses_nothing_at_the_others(program: Path, tmp_path: Path) -> None:
    (subject,) = find_subjects("fanwire", ["disconnect"], tmp_path, [])
    cell = measure_stalls(subject, Setting(400, 50, 10, 2.5), 1, program)
    assert (cell.missing, cell.disordered, cell.healthy_ended) == (0, 0, 0)
    assert cell.let_go == cell.stalled == 5
    assert cell.fates.get("no end within 4 s", 0) < 5


def test_a_message_that_is_withheld_is_missing_and_not_waited_for_for_ever(program: Path) -> None:
    result = _run(_floor_that("n == 5 or handle(floor, fd, text)"), program, Stalls(3, 0), 20)
    assert (result.due, result.received, result.disordered) == (60, 57, 0)


def test_a_message_that_comes_twice_is_out_of_order_and_counted_once(program: Path) -> None:
    odd = "handle(floor, fd, text); n == 5 and handle(floor, fd, text)"
    result = _run(_floor_that(odd), program, Stalls(3, 0), 20)
    assert (result.received, result.disordered) == (60, 3)


def test_two_messages_that_change_places_are_seen(program: Path) -> None:
    odd = "n == 5 or handle(floor, fd, text); n == 6 and handle(floor, fd, texts[4])"
    result = _run(_floor_that(odd), program, Stalls(3, 0), 20)
    assert (result.received, result.disordered) == (57, 3)


def test_a_pause_of_the_server_is_charged_to_every_message_that_was_due_in_it(program: Path) -> None:
    odd = "n == 10 and __import__('time').sleep(0.5); handle(floor, fd, text)"
    result = _run(_floor_that(odd), program, Stalls(2, 0), 100)
    late = sum(count for highest_us, count in result.histogram if highest_us > 100_000)
    assert result.received == result.due == 200
    # 50 messages were due in the pause; 40 of them more than 100 ms before its end, for 2 subscribers.
    assert 76 <= late <= 120


def test_a_policy_that_the_gateway_refuses_is_reported_as_not_built_or_measured(tmp_path: Path) -> None:
    not_built: list[str] = []
    found = find_subjects("fanwire", ["disconnect", "latest"], tmp_path, not_built)
    assert len(found) + len(not_built) == 2
    assert found[0].name == "fanwire (disconnect)"
    assert all(reason == "fanwire (latest): not built" for reason in not_built)
