"""What every bus across a network has to do besides: several ends of it on one real store, and the network between.

A subclass says in ``store`` what the bus is on.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from bus_contract import BusContract, Inbox, begin, message, newest, publish, put, seqs
from loop_turns import until
from stores import NetworkBus, Store
from tcp_proxy import TcpProxy, tcp_proxy

import server.bus.under_way as under_way
from actors.ports import Bus, BusUnavailable
from actors.protocol.envelope import TopicName
from server.bus.life import Connections, Timing
from server.testing.manual_clock import ManualClock

__all__ = ["PATIENT", "QUICK", "NetworkBusContract", "proxied"]

QUICK = Timing(answer_s=0.5, ping_s=0.05, silence_s=0.3, back_off_s=0.05, audit_s=0.1)
PATIENT = replace(QUICK, answer_s=4.0, silence_s=4.0)  # where no deadline is under test: a busy machine is no fault
NO_AUDIT = replace(QUICK, audit_s=1_000.0)
T = TopicName("a")


@asynccontextmanager
async def proxied(store: Store, timing: Timing = NO_AUDIT) -> AsyncIterator[tuple[NetworkBus, TcpProxy, NetworkBus]]:
    """An end at the store, and a proxy with the other end behind it: by default neither ever compares positions."""
    async with store.server() as server, tcp_proxy(server.port) as proxy:
        near, far = (store.bus(store.url_at(port), timing) for port in (server.port, proxy.port))
        try:
            yield near, proxy, far
        finally:
            await near.close()
            await far.close()


class NetworkBusContract(BusContract):
    """Inherit as ``class TestMyBus(NetworkBusContract)``."""

    store: ClassVar[Store]

    def bus(self, clock: ManualClock) -> AbstractAsyncContextManager[Bus]:
        return self._one_end()

    @asynccontextmanager
    async def _one_end(self) -> AsyncIterator[NetworkBus]:
        async with self._two_ends() as (bus, _):
            yield bus

    @asynccontextmanager
    async def _two_ends(self) -> AsyncIterator[tuple[NetworkBus, NetworkBus]]:
        """Neither is started."""
        async with self.store.server() as server:
            ends = self.store.bus(server.url, PATIENT), self.store.bus(server.url, PATIENT)
            try:
                yield ends
            finally:
                for end in ends:
                    await end.close()

    @pytest.mark.gen_test
    async def test_what_is_stored_is_loaded_and_live_messages_follow_right_behind(self) -> None:
        async with self._two_ends() as (bus, other):
            await begin(bus)
            before = await put(bus, 450)
            inbox = await begin(other, "a")
            past = inbox.pasts["a"]
            assert [envelope.seq for envelope in past.messages] == before
            assert past.top == (before[-1], past.messages[-1].id)
            after = await put(bus, 3)
            await until(lambda: len(inbox.delivered) == 3, "live messages")
            assert seqs(inbox) == after

    @pytest.mark.gen_test
    async def test_a_topic_that_nobody_follows_here_is_not_delivered(self) -> None:
        async with self._one_end() as bus:
            inbox = await begin(bus, "a")
            await publish(bus, message("b"))
            await publish(bus, message("a"))
            await until(lambda: inbox.delivered)
            inbox.sources["a"].close()
            await publish(bus, message("a"))
            await inbox.follow(bus, "a")
            assert [envelope.topic for envelope in inbox.delivered] == ["a"]
            assert len(inbox.pasts["a"].messages) == 2

    @pytest.mark.gen_test
    async def test_following_and_leaving_again_and_again_loses_nothing(self) -> None:
        async with self._two_ends() as (bus, other):
            await begin(bus)
            await begin(other)
            heard: list[int] = []
            writing = asyncio.ensure_future(put(other, 100))
            while not writing.done():
                inbox = Inbox()
                bus._door.open(inbox)
                await inbox.follow(bus, "a")
                await asyncio.sleep(0)
                inbox.sources["a"].close()
                run = [envelope.seq for envelope in inbox.pasts["a"].messages] + seqs(inbox)
                assert run[: len(heard)] == heard
                heard = run
            await inbox.follow(bus, "a")
            assert [envelope.seq for envelope in inbox.pasts["a"].messages] == await writing

    @pytest.mark.gen_test
    async def test_where_the_topics_mailbox_is_full_the_rest_stays_stored_until_there_is_room(self) -> None:
        async with self._two_ends() as (bus, other):
            inbox = await begin(bus, "a")
            await begin(other)
            inbox.full.add(T)
            sent = await put(other, 20)
            caught = asyncio.ensure_future(inbox.sources["a"].catch_up())
            with pytest.raises(BusUnavailable, match="mailbox is full"):
                await publish(bus, message())
            assert seqs(inbox) == []
            inbox.full.clear()
            assert await caught == sent[-1]
            assert seqs(inbox) == sent
            assert (await newest(bus, "a")).seq == sent[-1]

    @pytest.mark.gen_test
    async def test_many_publishes_wait_in_a_bounded_queue(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(under_way, "MAX_PUBLISHES", 5)
        async with self._one_end() as bus:
            await begin(bus)
            waiting = [bus.publish(message(), deduplicate=True) for _ in range(5)]
            with pytest.raises(BusUnavailable, match=f"too many messages wait for {self.store.name}"):
                await publish(bus, message())
            assert len(await asyncio.gather(*waiting)) == 5
            await publish(bus, message())

    @pytest.mark.gen_test
    async def test_what_was_missed_comes_after_a_reconnect_without_a_further_message(self, expected_logs: Any) -> None:
        expected_logs.allow("the bus is gone")
        async with proxied(self.store) as (near, proxy, far):
            await begin(near)
            inbox = await begin(far, "a")
            proxy.cut()
            await until(lambda: not far.ready, "the loss")
            sent = await put(near, 3)
            proxy.mend()
            await until(lambda: seqs(inbox) == sent, "what was missed")

    @pytest.mark.gen_test
    async def test_a_connection_that_is_silent_although_it_is_pinged_is_given_up(self, expected_logs: Any) -> None:
        expected_logs.allow("the bus is gone: silent for")
        async with proxied(self.store) as (near, proxy, far):
            await begin(near)
            inbox = await begin(far, "a")
            proxy.freeze()
            await until(lambda: not far.ready, "the loss")
            sent = await put(near, 1)
            proxy.cut()
            proxy.mend()
            await until(lambda: seqs(inbox) == sent, "what was missed")

    @pytest.mark.gen_test
    async def test_a_fault_of_the_bus_itself_is_said_and_lived_through(
        self, expected_logs: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected_logs.allow("the bus failed: ZeroDivisionError")
        async with self._one_end() as bus:
            came_up = bus._life._came_up
            failed: list[Connections] = []

            def fail_once(connections: Any) -> None:
                if not failed:
                    failed.append(connections)
                    raise ZeroDivisionError
                came_up(connections)

            monkeypatch.setattr(bus._life, "_came_up", fail_once)
            bus.start(inbox := Inbox())
            await until(lambda: failed and bus._life.connections not in (None, *failed), "the next life")
            await inbox.follow(bus, "a")
            await put(bus, 1)
            await until(lambda: inbox.delivered)
