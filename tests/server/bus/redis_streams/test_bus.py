"""The bus on a real Redis: the contract of every bus across a network, and what is only its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bus_contract import begin, message, publish, put, seqs
from loop_turns import until
from network_bus_contract import QUICK, NetworkBusContract, proxied
from redis_servers import RedisServer, redis_server
from stores import REDIS

from actors.ports import BusUnavailable
from actors.protocol.envelope import envelope_from
from server.bus.redis_streams.bus import RedisBus
from server.config import HistoryConfig
from server.testing.server_process import free_port

pytestmark = pytest.mark.slow  # a server is started for each


def bus_on(server: RedisServer, *, messages: int = 1_000, ttl_s: float = 600.0) -> RedisBus:
    return RedisBus(server.url, "fanwire", lambda topic: HistoryConfig(messages, ttl_s), QUICK)


@asynccontextmanager
async def running(**how: Any) -> AsyncIterator[tuple[RedisServer, RedisBus]]:
    async with redis_server() as server:
        bus = bus_on(server, **how)
        try:
            yield server, bus
        finally:
            await bus.close()


class TestRedisBus(NetworkBusContract):
    store = REDIS


@pytest.mark.gen_test
async def test_only_so_many_messages_are_kept_as_are_configured_and_the_top_outlives_them() -> None:
    async with running(messages=3, ttl_s=0.2) as (server, bus):
        inbox = await begin(bus, "a")
        placed = await put(bus, 5)
        assert await server.do("XLEN", "fanwire:{a}:stream") == 3
        assert int(str(await server.do("PTTL", "fanwire:{a}:stream"))) <= 200
        await until(lambda: len(inbox.delivered) == 5)
        await server.do("PEXPIRE", "fanwire:{a}:stream", 0)
        inbox.sources["a"].close()
        await inbox.follow(bus, "a")
        assert inbox.pasts["a"] == ((placed[-1], inbox.delivered[-1].id), ())
        assert (await publish(bus, message())).prev == placed[-1]
        await until(lambda: len(inbox.delivered) == 6)
        assert inbox.delivered[-1].prev == placed[-1]


@pytest.mark.gen_test
async def test_all_workers_tell_one_epoch_until_redis_has_forgotten_everything() -> None:
    async with running() as (server, bus):
        await begin(bus)
        await until(lambda: bus.epoch is not None, "an epoch")
        first = bus.epoch
        for forgets in (False, True):
            if forgets:
                await server.do("FLUSHALL")
            other = bus_on(server)
            try:
                await begin(other)
                await until(lambda other=other: other.epoch is not None, "the other's epoch")
                assert (other.epoch == first) is not forgets
            finally:
                await other.close()


@pytest.mark.gen_test
async def test_a_redis_that_is_emptied_under_a_connection_begins_another_epoch_for_all() -> None:
    async with running() as (server, bus):
        await begin(bus)
        other = bus_on(server)
        try:
            await begin(other)
            await until(lambda: bus.epoch is not None and bus.epoch == other.epoch, "one epoch")
            before = bus.epoch
            await server.do("FLUSHALL")
            await until(lambda: bus.epoch == other.epoch != before, "another epoch")
        finally:
            await other.close()


@pytest.mark.gen_test
async def test_the_position_of_a_topic_that_is_followed_lives_on_and_no_shorter_than_its_messages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("server.bus.redis_streams.bus.RENEW_S", 0.01)
    week_s = 7 * 86_400
    async with running(ttl_s=week_s) as (server, bus):
        await begin(bus, "a")
        await put(bus, 1)
        await server.do("EXPIRE", "fanwire:{a}:top", 10)
        ttl_s = 10
        async with asyncio.timeout(3.0):
            while ttl_s <= 10:
                ttl_s = int(str(await server.do("TTL", "fanwire:{a}:top")))
        assert ttl_s > week_s - 10


@pytest.mark.gen_test
async def test_positions_go_on_from_the_stream_where_the_top_was_evicted() -> None:
    async with running() as (server, bus):
        await begin(bus)
        [first] = await put(bus, 1)
        await server.do("DEL", "fanwire:{a}:top")
        assert (await publish(bus, message())).prev == first


@pytest.mark.gen_test
async def test_no_position_comes_twice_although_a_stores_clock_is_behind() -> None:
    async with running() as (server, bus):
        await begin(bus)
        ahead = 2**52
        await server.do("SET", "fanwire:{a}:top", f"{ahead} x")
        last = (await put(bus, 1))[-1]
        assert last == ahead + 1
        await server.do("FLUSHALL")
        assert (await publish(bus, message())).seq > last, "this worker remembers what it has seen"


@pytest.mark.gen_test
async def test_a_forgotten_script_is_given_again() -> None:
    async with running() as (server, bus):
        inbox = await begin(bus, "a")
        await put(bus, 1)
        await server.do("SCRIPT", "FLUSH")
        await put(bus, 2)
        await until(lambda: len(inbox.delivered) == 3)


@pytest.mark.gen_test
async def test_what_others_put_under_our_names_is_no_message(expected_logs: Any) -> None:
    expected_logs.allow("not a message of Fanwire")
    async with running() as (server, bus):
        inbox = await begin(bus, "a")
        await server.do("PUBLISH", "fanwire:{a}", "junk")
        await server.do("PUBLISH", "fanwire:{a}", b"1 0 {\xff")
        sent = await put(bus, 1)
        await until(lambda: inbox.delivered)
        assert seqs(inbox) == sent
        await server.do("XADD", "fanwire:{b}:stream", "*", "what", "ever")
        with pytest.raises(BusUnavailable, match="not a message of Fanwire"):
            await inbox.follow(bus, "b")


@pytest.mark.gen_test
async def test_all_keys_of_a_topic_are_in_one_slot_of_a_cluster() -> None:
    async with redis_server("--cluster-enabled", "yes", "--cluster-port", str(free_port())) as server:
        await server.do("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        async with asyncio.timeout(5.0):
            while b"cluster_state:ok" not in bytes(await server.do("CLUSTER", "INFO")):  # type: ignore[call-overload]
                continue
        bus = bus_on(server)
        try:
            inbox = await begin(bus, "a", "b:1")
            for topic in ("a", "b:1"):
                await publish(bus, envelope_from({"topic": topic, "type": "x"}, 1.0))
            await until(lambda: len(inbox.delivered) == 2)
        finally:
            await bus.close()


@pytest.mark.gen_test
async def test_a_slow_redis_delays_publishes_and_reorders_nothing() -> None:
    async with proxied(REDIS) as (_, proxy, far):
        inbox = await begin(far, "a")
        proxy.delay_s = 0.05
        placed = await asyncio.gather(*(publish(far, message(data=number)) for number in range(50)))
        await until(lambda: len(inbox.delivered) == 50, "all")
        assert [one.prev for one in placed] == [0, *(one.seq for one in placed[:-1])]


@pytest.mark.gen_test
async def test_a_publish_that_gets_no_answer_is_refused_at_its_deadline_and_so_is_what_comes_after(
    expected_logs: Any,
) -> None:
    expected_logs.allow("the bus is gone")
    async with proxied(REDIS) as (_, proxy, far):
        await begin(far)
        proxy.freeze()
        began = asyncio.get_running_loop().time()
        with pytest.raises(BusUnavailable, match="send it again with the same id"):
            await publish(far, message())
        assert asyncio.get_running_loop().time() - began < 2 * QUICK.answer_s
        await until(lambda: not far.ready, "the loss")
        with pytest.raises(BusUnavailable, match="is not reached"):
            await publish(far, message())
