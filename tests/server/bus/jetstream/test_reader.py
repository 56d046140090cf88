"""What is loaded of a topic from a real NATS."""

import asyncio
from typing import Any

import pytest
from bus_contract import Inbox, begin, message, newest, publish, put
from jetstream_ends import purge, running, two_ends
from loop_turns import until

from server.config import HistoryConfig

pytestmark = pytest.mark.slow  # a server is started for each


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
