"""What becomes of publishes on a real NATS: positions, ids, and gateways that publish at once."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from bus_contract import begin, message, publish, put, seqs
from jetstream_ends import purge, running, two_ends
from loop_turns import until
from network_bus_contract import QUICK, proxied
from stores import NATS

from actors.ports import BusUnavailable
from actors.protocol.envelope import envelope_from

pytestmark = pytest.mark.slow  # a server is started for each


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
