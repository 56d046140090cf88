"""The bus on a real NATS: the contract of every bus across a network, and what is only its own."""

import asyncio
from typing import Any

import pytest
from bus_contract import Inbox, begin, message, newest, publish, put, seqs
from jetstream_ends import bus_on, delete, purge, running, two_ends
from loop_turns import turns, until
from nats_servers import nats_server
from network_bus_contract import NetworkBusContract
from stores import NATS

from actors.ports import BusUnavailable
from actors.protocol.envelope import TopicName

pytestmark = pytest.mark.slow  # a server is started for each

T = TopicName("a")


class TestJetStreamBus(NetworkBusContract):
    store = NATS


@pytest.mark.gen_test
async def test_a_quiet_topic_whose_messages_are_gone_is_not_taken_for_lost() -> None:
    async with running() as (server, bus):
        inbox = await begin(bus, "a", "nothing")
        await put(bus, 1)
        await server.until_copied("fanwire-tops", 1)
        await purge(server, "fanwire-messages")
        await bus._compare(bus._following.everything())
        assert await inbox.sources["a"].catch_up() == inbox.delivered[-1].seq
        assert inbox.lost == []


@pytest.mark.gen_test
async def test_a_store_that_was_emptied_behind_our_back_is_noticed_without_a_message(expected_logs: Any) -> None:
    expected_logs.allow("does not follow from what was delivered")
    async with running() as (server, bus):
        inbox = await begin(bus, "a")
        await put(bus, 1)
        await server.until_copied("fanwire-tops", 1)
        await purge(server, "fanwire-messages")
        await purge(server, "fanwire-tops")
        await until(lambda: inbox.lost == [T], "the loss")


@pytest.mark.gen_test(timeout=10)
async def test_a_stream_that_lost_its_tail_and_went_on_is_noticed_although_it_is_shorter_now(
    expected_logs: Any,
) -> None:
    expected_logs.allow("the bus is gone")
    expected_logs.allow("does not follow from what was delivered")
    async with two_ends() as (server, bus, other):
        inbox = await begin(bus, "a")
        await begin(other)
        await put(other, 3)
        await until(lambda: len(inbox.delivered) == 3)
        await server.kill()
        server.remember_disk()
        await server.restart()
        await until(lambda: bus.ready and other.ready, "both")
        await put(other, 5)
        await until(lambda: len(inbox.delivered) == 8)
        bus.stop()
        await server.kill()
        server.set_disk_back()
        await server.restart()
        await until(lambda: other.ready, "the other")
        await put(other, 2)
        bus.start(inbox)
        await until(lambda: inbox.lost == [T], "the loss")


@pytest.mark.gen_test(timeout=30)
async def test_streams_that_were_deleted_under_a_connection_are_made_again(expected_logs: Any) -> None:
    expected_logs.allow("the bus is gone: the stream is gone")
    async with running() as (server, bus):
        await begin(bus)
        before = bus.epoch
        await asyncio.gather(*(delete(server, stream) for stream in ("fanwire-messages", "fanwire-tops")))
        with pytest.raises(BusUnavailable):
            await newest(bus, "a")
        await until(lambda: bus.ready and bus.epoch != before, "the bus to come back with other streams")
        assert (await publish(bus, message())).prev == 0


@pytest.mark.gen_test
async def test_all_ends_tell_one_epoch_until_positions_are_forgotten() -> None:
    async with two_ends() as (_, bus, other):
        await begin(bus)
        await begin(other)
        await until(lambda: other.ready and bus.ready, "both ends")
        assert bus.epoch == other.epoch is not None


@pytest.mark.gen_test
async def test_topics_with_everything_that_a_name_may_contain_are_apart() -> None:
    names = ["a.b", "a,b".replace(",", ":"), "..", ".", "a@b/c-d_E.9", "x" * 255, ("." * 255)]
    async with running() as (_, bus):
        inbox = await begin(bus, *names)
        for name in names:
            assert (await publish(bus, message(name))).prev == 0
        await until(lambda: len(inbox.delivered) == len(names))
        assert {envelope.topic for envelope in inbox.delivered} == set(names)


@pytest.mark.gen_test
async def test_what_others_put_under_our_names_is_no_message(expected_logs: Any) -> None:
    expected_logs.allow("not a message of Fanwire")
    async with running() as (server, bus):
        inbox = await begin(bus, "a")
        async with server.client() as client:
            await client.publish("fanwire.live.a", b"junk")
            await client.publish("fanwire.live.a", b"{", headers={"Fanwire-Seq": "1", "Fanwire-Prev": "0"})
            await client.request("fanwire.msg.b", b"junk", timeout=2.0)
        sent = await put(bus, 1)
        await until(lambda: inbox.delivered)
        assert seqs(inbox) == sent
        with pytest.raises(BusUnavailable, match="not a message of Fanwire"):
            await inbox.follow(bus, "b")
        with pytest.raises(BusUnavailable, match="not a message of Fanwire"):
            await publish(bus, message("b"))


@pytest.mark.gen_test
async def test_a_publish_that_was_refused_is_never_heard() -> None:
    async with running() as (server, bus):
        inbox = await begin(bus, "a")
        await put(bus, 1)
        async with server.client() as client:
            headers = {"Fanwire-Seq": "7", "Fanwire-Prev": "0", "Nats-Expected-Last-Subject-Sequence": "99"}
            answer = await client.request("fanwire.msg.a", b"{}", headers=headers, timeout=2.0)
            assert b"wrong last sequence" in answer.data
        sent = await put(bus, 1)
        await until(lambda: len(inbox.delivered) == 2)
        assert seqs(inbox)[1:] == sent


@pytest.mark.gen_test
async def test_a_message_that_nats_does_not_take_is_refused_and_the_connection_stays() -> None:
    async with nats_server(settings="max_payload: 4096") as server:
        bus = bus_on(server)
        try:
            inbox = await begin(bus, "a")
            with pytest.raises(BusUnavailable, match="max_payload"):
                await publish(bus, message(data="x" * 4000))
            await publish(bus, message())
            await until(lambda: inbox.delivered)
        finally:
            await bus.close()


@pytest.mark.gen_test
async def test_whoever_gives_up_waiting_for_the_server_harms_nobody_else() -> None:
    async with running() as (server, bus):
        inbox = await begin(bus, "a")
        server.freeze()
        waiting = asyncio.ensure_future(bus.subscribe(T))
        await turns()
        waiting.cancel()
        server.thaw()
        sent = await put(bus, 2)
        await until(lambda: seqs(inbox) == sent)


@pytest.mark.gen_test
async def test_a_server_without_jetstream_is_not_ready_and_says_why(expected_logs: Any) -> None:
    expected_logs.allow("JetStream")
    async with nats_server(jetstream=False) as server:
        bus = bus_on(server)
        try:
            bus.start(Inbox())
            await until(lambda: "not connected yet" not in bus._life.why_gone, "the reason")
            with pytest.raises(BusUnavailable, match="JetStream"):
                await publish(bus, message())
            assert not bus.ready
        finally:
            await bus.close()
