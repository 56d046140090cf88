"""Each load generator speaks the protocols that are a peer's own, in the first words as well as in every message."""

import pytest

from bench.cells import measure_server
from bench.dialects import DIALECTS, SOCKET_IO
from bench.dialogue import publish_text
from bench.generator import build_generator
from bench.native import build
from bench.open_loop import Stalls, run_open_load
from bench.processes import run_server
from bench.servers import resolve

PEERS_WITH_THEIR_OWN = ["nchan", "socketio"]


def test_a_message_is_wrapped_as_an_event_of_socket_io() -> None:
    assert SOCKET_IO.wrap('{"v":1}') == '42["publish",{"v":1}]'


def test_every_dialect_is_found_by_its_name() -> None:
    assert [dialect.name for dialect in DIALECTS.values()] == list(DIALECTS)


@pytest.mark.slow
@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("name", PEERS_WITH_THEIR_OWN)
def test_a_closed_loop_speaks_it_and_publishes_a_hundred_messages_at_least(name: str, native: bool) -> None:
    program = build_generator() if native else None
    if native and program is None:
        pytest.fail("no C compiler: apt-get install build-essential")
    (cell,) = measure_server(resolve(name), 3, [2], 0.0, 1, program)
    assert cell.messages >= 100
    assert cell.payload_bytes == 180


@pytest.mark.slow
@pytest.mark.parametrize("name", PEERS_WITH_THEIR_OWN)
def test_an_open_loop_speaks_it_too(name: str) -> None:
    server, program = resolve(name), build("open_load")
    if program is None:
        pytest.fail("no C compiler: apt-get install build-essential")
    publish = publish_text(1024, server.adds_bytes)
    with (
        run_server(server, 0) as running,
        run_open_load(program, running.port, Stalls(2, 1), publish, 1, 10.0, server.dialect) as load,
    ):
        load.connect()
        result = load.run(100, 20, 2.0)
    assert (result.received, result.due, result.disordered, result.refused) == (40, 40, 0, 0)
