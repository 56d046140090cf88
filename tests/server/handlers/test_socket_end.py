"""How the end of a WebSocket is counted: by our own code, or by how the peer left."""

import pytest
from event_streams import disconnected, until_empty
from gateways import RunningGateway, running_gateway
from loop_turns import until
from wire import RawClient

from actors.protocol.frame import CLOSE


async def counted(running: RunningGateway) -> dict[str, int]:
    await until_empty(running)
    await until(lambda: bool(disconnected(running)), "the connection's end to be counted")
    return disconnected(running)


@pytest.mark.gen_test
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "1005"),
        ((1000).to_bytes(2), "1000"),
        ((1001).to_bytes(2), "1001"),
        # What only the gateway says by these codes, no peer may make the dashboards believe.
        ((1011).to_bytes(2), "other"),
        ((4509).to_bytes(2), "other"),
        ((4999).to_bytes(2), "other"),
    ],
)
async def test_a_close_frame_of_the_peer_is_counted_by_the_codes_that_are_its_own(payload: bytes, code: str) -> None:
    async with running_gateway() as running, await RawClient.upgraded(running.port) as client:
        await client.send(CLOSE, payload)
        assert await counted(running) == {code: 1}


@pytest.mark.gen_test
async def test_a_connection_that_is_just_gone_is_counted_as_such() -> None:
    async with running_gateway() as running:
        async with await RawClient.upgraded(running.port):
            pass
        assert await counted(running) == {"1006": 1}


@pytest.mark.gen_test
async def test_a_connection_that_the_gateway_ended_is_counted_by_the_gateways_code() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.send(b"binary")
        assert (await tab.closed()).code == 4400
        assert await counted(running) == {"4400": 1}
