"""The bus on a real NATS: the contract of every bus across a network, and what is only its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from bus_contract import Inbox, begin, message, newest, publish, put, seqs
from loop_turns import turns, until
from nats_servers import NatsServer, nats_server
from network_bus_contract import PATIENT, QUICK, NetworkBusContract, proxied
from stores import NATS

from actors.ports import BusUnavailable
from actors.protocol.envelope import TopicName, envelope_from
from server.bus.jetstream.bus import JetStreamBus
from server.config import HistoryConfig

pytestmark = pytest.mark.slow  # a server is started for each

T = TopicName("a")


def bus_on(
    server: NatsServer, *, messages: int = 1_000, ttl_s: float = 600.0, largest: HistoryConfig | None = None
) -> JetStreamBus:
    bounds = HistoryConfig(messages, ttl_s)
    return JetStreamBus(server.url, "fanwire", lambda topic: bounds, largest or bounds, PATIENT)


@asynccontextmanager
async def running(**how: Any) -> AsyncIterator[tuple[NatsServer, JetStreamBus]]:
    async with nats_server() as server:
        bus = bus_on(server, **how)
        try:
            yield server, bus
        finally:
            await bus.close()


class TestJetStreamBus(NetworkBusContract):
    store = NATS


@asynccontextmanager
async def two_ends(**how: Any) -> AsyncIterator[tuple[NatsServer, JetStreamBus, JetStreamBus]]:
    async with running(**how) as (server, one):
        other = bus_on(server, **how)
        try:
            yield server, one, other
        finally:
            await other.close()


async def purge(server: NatsServer, stream: str) -> None:
    await do(server, "PURGE", stream)


async def delete(server: NatsServer, stream: str) -> None:
    await do(server, "DELETE", stream)


async def do(server: NatsServer, verb: str, stream: str) -> None:
    async with server.client() as client:
        answer = await client.request(f"$JS.API.STREAM.{verb}.{stream}", b"", timeout=2.0)
        assert json.loads(answer.data)["success"]


@pytest.mark.gen_test
async def test_only_so_many_messages_are_loaded_as_are_configured_for_the_topic() -> None:
    async with running(messages=3, largest=HistoryConfig(1_000, 600.0)) as (_, bus):
        await begin(bus)
        placed = await put(bus, 405)
        inbox = Inbox()
        await inbox.follow(bus, "a")
        assert [envelope.seq for envelope in inbox.pasts["a"].messages] == placed[-3:]


@pytest.mark.gen_test
async def test_what_is_older_than_the_topic_keeps_is_not_loaded_and_its_position_is_known() -> None:
    async with running(ttl_s=0.2) as (_, bus):
        inbox = await begin(bus)
        placed = await put(bus, 2)

        async def loaded() -> int:
            await inbox.follow(bus, "a")
            inbox.sources["a"].close()
            return len(inbox.pasts["a"].messages)

        async with asyncio.timeout(3.0):
            while await loaded():
                continue
        assert inbox.pasts["a"].top.seq == placed[-1]


@pytest.mark.gen_test
async def test_a_position_outlives_its_message() -> None:
    async with running() as (server, bus):
        inbox = await begin(bus, "a")
        placed = await put(bus, 2)
        await until(lambda: len(inbox.delivered) == 2)
        await server.until_copied("fanwire-tops", 2)
        await purge(server, "fanwire-messages")
        inbox.sources["a"].close()
        await inbox.follow(bus, "a")
        assert inbox.pasts["a"] == ((placed[-1], inbox.delivered[-1].id), ())
        assert (await newest(bus, "a")).seq == placed[-1]
        assert (await publish(bus, message())).prev == placed[-1]
        await until(lambda: len(inbox.delivered) == 3)
        assert inbox.delivered[-1].prev == placed[-1]


@pytest.mark.gen_test
async def test_a_first_message_that_is_stored_while_a_topic_loads_is_not_taken_for_one_that_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with two_ends() as (server, bus, other):
        inbox = await begin(bus)
        await begin(other)
        reads = bus._answers.there().reads
        ask, asked = reads.call, list[str]()

        async def call(subject: str, question: dict[str, Any]) -> dict[str, Any]:
            if ".MSG.GET." not in subject:
                return await ask(subject, question)
            asked.append(subject.rpartition(".")[2])
            try:
                return await ask(subject, question)
            finally:
                if len(asked) == 1:
                    await put(other, 1)
                    await server.until_copied("fanwire-tops", 1)

        monkeypatch.setattr(reads, "call", call)
        await inbox.follow(bus, "a")
        assert asked[:2] == ["fanwire-messages", "fanwire-tops"]
        assert [envelope.data for envelope in inbox.pasts["a"].messages] == [0]


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


@pytest.mark.gen_test
async def test_no_position_comes_twice_although_this_clock_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    async with two_ends() as (server, bus, other):
        await begin(bus)
        await begin(other)
        monkeypatch.setattr("server.bus.jetstream.bus._now_us", lambda: 2**52)
        assert (await publish(bus, message())).seq == 2**52
        monkeypatch.undo()
        assert (await publish(other, message())).seq == 2**52 + 1
        await purge(server, "fanwire-messages")
        await purge(server, "fanwire-tops")
        assert (await publish(bus, message())).seq > 2**52, "this worker remembers what it has seen"


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
async def test_two_gateways_that_publish_as_fast_as_they_can_make_one_chain_and_both_get_in() -> None:
    async with two_ends() as (_, bus, other):
        inbox = await begin(bus, "a")
        there = await begin(other, "a")
        answers = [asyncio.gather(*(publish(end, message()) for _ in range(200))) for end in (bus, other)]
        first, second = await answers[0], await answers[1]
        placed = sorted(first + second)
        assert [one.prev for one in placed] == [0, *(one.seq for one in placed[:-1])]
        for end in (inbox, there):
            await until(lambda end=end: len(end.delivered) == 400, "all")
            assert seqs(end) == [one.seq for one in placed]
        assert first[0].seq < second[-1].seq and second[0].seq < first[-1].seq, "neither waited for the other's end"


@pytest.mark.gen_test
async def test_the_same_id_at_another_gateway_that_knows_an_older_place_is_the_same_message() -> None:
    async with two_ends() as (_, bus, other):
        inbox = await begin(bus, "a")
        await begin(other)
        await put(other, 1)
        once = message()
        first = await publish(bus, once)
        await put(bus, 1)
        assert await publish(other, once) == first._replace(duplicate=True)
        assert (await publish(other, message())).prev > first.seq
        await until(lambda: len(inbox.delivered) == 4)


@pytest.mark.gen_test
async def test_an_id_is_one_whatever_its_case() -> None:
    async with running() as (_, bus):
        await begin(bus)
        once = message()
        first = await publish(bus, once)
        again = envelope_from(once.as_json() | {"id": once.id.upper()}, 1.0)
        assert await publish(bus, again) == first._replace(duplicate=True)


@pytest.mark.gen_test
async def test_an_id_whose_message_has_left_the_history_is_not_stored_again_and_that_is_said() -> None:
    async with running(messages=2) as (_, bus):
        inbox = await begin(bus, "a")
        once = message()
        await publish(bus, once)
        await put(bus, 3)
        with pytest.raises(BusUnavailable, match="its position is not known") as why:
            await publish(bus, once)
        assert why.value.retry_after_s == 300
        await put(bus, 1)
        await until(lambda: len(inbox.delivered) == 5)
        assert [envelope.id for envelope in inbox.delivered].count(once.id) == 1


@pytest.mark.gen_test
async def test_messages_whose_ids_the_gateway_chose_are_never_taken_for_the_same() -> None:
    async with running() as (_, bus):
        inbox = await begin(bus, "a")
        again = message()
        for _ in range(2):
            assert not (await publish(bus, again, deduplicate=False)).duplicate
        await until(lambda: len(inbox.delivered) == 2)


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
async def test_a_publish_without_an_answer_is_refused_at_its_deadline_and_those_behind_it_were_not_stored(
    expected_logs: Any,
) -> None:
    expected_logs.allow("the bus is gone")
    async with proxied(NATS, replace(QUICK, silence_s=30.0)) as (_, proxy, bus):
        await begin(bus)
        await put(bus, 1)  # so that its place is known, and no question comes before the message
        proxy.freeze()
        began = asyncio.get_running_loop().time()
        answers = await asyncio.gather(*(publish(bus, message()) for _ in range(3)), return_exceptions=True)
        assert asyncio.get_running_loop().time() - began < 2 * QUICK.answer_s
        assert "send it again with the same id" in str(answers[0])
        assert all("is not reached" in str(answer) for answer in answers[1:]), answers
        await until(lambda: not bus.ready, "the loss")


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
