"""Two hosts with a Redis between them, each a network namespace: clients move, and one host loses its line to Redis."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from gateways import Answer, GatewayAddress, envelope
from two_hosts import two_hosts
from two_workers import Reader, resumed

pytestmark = pytest.mark.slow

T = "t:a"
PATIENCE_S = 15.0


async def put(gateway: GatewayAddress, count: int) -> list[int]:
    """Publish over HTTP; all of it is acknowledged."""
    answer = await gateway.publish([envelope(T, data=number) for number in range(count)])
    assert answer.status == 200, answer
    return [placed["seq"] for placed in answer.body]


async def until(what: Callable[[], Awaitable[Answer]], status: int) -> Answer:
    """Ask until the answer has that status. Raises: TimeoutError."""
    async with asyncio.timeout(PATIENCE_S):
        while (answer := await what()).status != status:
            continue
    return answer


@pytest.mark.gen_test(timeout=60)
async def test_a_client_that_moves_to_the_other_host_misses_nothing() -> None:
    async with two_hosts() as ((_, one), (_, two)):
        reader = Reader(T)
        sent = await put(one, 1)
        tab = await reader.visit(one)
        for here, there in ((one, two), (two, one), (one, two)):
            sent += await put(here, 20) + await put(there, 20)
            assert await reader.read(tab, sent[-21])
            await tab.connection.close()
            sent += await put(here, 20)
            tab = await reader.visit(there)
        assert await reader.read(tab, sent[-1])
        await tab.connection.close()
        reader.check(sent)
        assert [frame["seq"] for frame in reader.got] == sent
        assert not reader.losses and not reader.closes


@pytest.mark.gen_test(timeout=90)
async def test_a_host_cut_off_from_redis_says_so_serves_what_it_has_and_catches_up() -> None:
    async with two_hosts() as ((_, one), (cut, two)):
        reader, neighbour = Reader(T), Reader(T)
        sent = await put(one, 20)
        tab, other = await reader.visit(two), await neighbour.visit(one)
        assert await reader.read(tab, sent[-1])

        await cut.cut_from_redis()
        ready = await until(lambda: two.request("GET", "/readyz"), 503)
        assert ready.body["checks"]["bus"] is False
        assert (await two.request("GET", "/healthz")).status == 200
        assert (await one.request("GET", "/readyz")).status == 200
        refused = await two.publish(envelope(T))
        assert (refused.status, refused.body["code"]) == (503, "overloaded")

        late = Reader(T, since=sent[9])
        late_tab = await late.visit(two)
        assert await late.read(late_tab, sent[-1]), "served from the history of the host itself"
        assert late.told == [{"seq": sent[-1], "recovered": True, "replayed": 10}]

        sent += await put(one, 20)
        assert await neighbour.read(other, sent[-1]), "whoever is on the other host notices nothing"
        moved = Reader(T, since=reader.since)
        await resumed(moved, one, sent[-1])
        assert [frame["seq"] for frame in moved.got] == sent[20:], "and one that moves there misses nothing"

        await cut.mend()
        await until(lambda: two.request("GET", "/readyz"), 200)
        for behind, its in ((reader, tab), (late, late_tab)):
            assert await behind.read(its, sent[-1]), "caught up, on the same connection"
            assert not behind.losses and not behind.closes
        assert [frame["seq"] for frame in reader.got] == sent
        sent += await put(two, 5)
        assert await neighbour.read(other, sent[-1])
        assert [frame["seq"] for frame in neighbour.got] == sent
        for done in (tab, other, late_tab):
            await done.connection.close()
