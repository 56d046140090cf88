"""Each overflow policy over a real socket whose reader stalls and comes back: what it gets, to the message."""

from typing import Any

import pytest
from ledger import newest_by_subject, received_of, walk_chain
from slow_reader import until_blocked
from stalled_client import BOUND, PAYLOAD, dropped, mailbox, publish, publish_many, read_all, stalled

pytestmark = pytest.mark.slow


@pytest.mark.gen_test(timeout=30)
async def test_under_disconnect_the_client_gets_a_chain_and_4509_and_resumes_to_the_last_message() -> None:
    async with stalled("disconnect:a") as (running, ws):
        before = await until_blocked(running, "disconnect:a", PAYLOAD)
        kept = await publish_many(running, "disconnect:a", BOUND)
        assert len(running.gateway.clients) == 1
        over = await publish_many(running, "disconnect:a", 1)
        ws.unstall()
        await ws.expect_close(4509, reason="since")
        published = [*before, *kept, *over]
        got = received_of("disconnect:a", ws.received)
        assert got == published[: len(got)]
        assert dropped(running, "disconnect") > 0
        missed = len(published) - len(got)
        answer = await ws.resume()
        assert answer["disconnect:a"] == {"seq": over[0], "recovered": True, "replayed": missed}
        await ws.expect_position(over[0], topic="disconnect:a")
        assert walk_chain("disconnect:a", ws.received, published) == []
        ws.assert_no_gap()


@pytest.mark.gen_test(timeout=30)
async def test_under_catch_up_nothing_is_lost_and_the_connection_stays() -> None:
    async with stalled("catch_up:a") as (running, ws):
        published = await until_blocked(running, "catch_up:a", PAYLOAD)
        published += await publish_many(running, "catch_up:a", 40 * BOUND)
        assert mailbox(running).depth == 0
        assert dropped(running, "catch_up") > 0
        await read_all(ws, published[-1], "catch_up:a")
        published += await publish_many(running, "catch_up:a", 3)
        await read_all(ws, published[-1], "catch_up:a")
        assert walk_chain("catch_up:a", ws.received, published) == []
        assert mailbox(running).dropped == 0


@pytest.mark.gen_test(timeout=30)
async def test_under_catch_up_what_history_forgot_is_a_gap_of_its_own_reason() -> None:
    settings = {"history.messages": 30, "topics.catch_up.final": []}
    async with stalled("catch_up:a", **settings) as (running, ws):
        published = await until_blocked(running, "catch_up:a", PAYLOAD)
        published += await publish_many(running, "catch_up:a", 200)
        await read_all(ws, published[-1], "catch_up:a")
        got = received_of("catch_up:a", ws.received)
        (gap,) = [frame["data"] for frame in ws.received if frame["type"] == "gap"]
        read_before = got.index(gap["from"]) + 1
        assert got == published[:read_before] + published[-30:]
        assert gap == {
            "topic": "catch_up:a",
            "from": published[read_before - 1],
            "to": published[-30],
            "dropped": None,
            "reason": "history",
        }


@pytest.mark.gen_test(timeout=30)
async def test_under_catch_up_a_final_type_that_history_may_have_forgotten_ends_the_connection() -> None:
    async with stalled("catch_up:a", **{"history.messages": 30}) as (running, ws):
        published = await until_blocked(running, "catch_up:a", PAYLOAD)
        published += await publish_many(running, "catch_up:a", 200)
        ws.unstall()
        await ws.expect_close(4509)
        got = received_of("catch_up:a", ws.received)
        assert got == published[: len(got)]


@pytest.mark.gen_test(timeout=30)
async def test_under_drop_oldest_one_gap_stands_before_the_newest_messages() -> None:
    async with stalled("drop_oldest:a") as (running, ws):
        published = await until_blocked(running, "drop_oldest:a", PAYLOAD)
        filled = len(published)
        published += await publish_many(running, "drop_oldest:a", 100)
        await read_all(ws, published[-1], "drop_oldest:a")
        lost = walk_chain("drop_oldest:a", ws.received, published)
        assert lost == published[filled:-BOUND]
        assert len([frame for frame in ws.received if frame["type"] == "gap"]) == 1
        assert dropped(running, "drop_oldest") == mailbox(running).dropped == len(lost)


@pytest.mark.gen_test(timeout=30)
async def test_under_drop_newest_the_oldest_messages_come_and_then_a_gap_with_no_end_yet() -> None:
    async with stalled("drop_newest:a") as (running, ws):
        published = await until_blocked(running, "drop_newest:a", PAYLOAD)
        filled = len(published)
        published += await publish_many(running, "drop_newest:a", 100)
        ws.unstall()
        gap = await ws.expect("gap")
        lost = walk_chain("drop_newest:a", ws.received, published)
        assert lost == published[filled + BOUND :]
        assert gap["data"]["to"] is None
        published += await publish_many(running, "drop_newest:a", 3)
        await read_all(ws, published[-1], "drop_newest:a")
        assert walk_chain("drop_newest:a", ws.received, published) == lost


@pytest.mark.gen_test(timeout=30)
async def test_under_latest_the_newest_of_every_key_arrives_and_the_connection_stays() -> None:
    async with stalled("latest:a") as (running, ws):
        await until_blocked(running, "latest:a", PAYLOAD)
        newest: dict[str, Any] = {}
        for n in range(300):
            key = f"k{n % 7}"
            newest[key] = {"n": n, "pad": PAYLOAD}
            last = await publish(running, "latest:a", key=key, data=newest[key])
        assert mailbox(running).depth == 7
        await read_all(ws, last, "latest:a")
        assert newest_by_subject("latest:a", ws.received) == newest | {"filler": PAYLOAD}
        assert not [frame for frame in ws.received if frame["type"] == "gap"]
        assert dropped(running, "latest") == 300 - 7


@pytest.mark.gen_test(timeout=30)
async def test_under_latest_more_keys_than_the_mailbox_holds_end_the_connection() -> None:
    async with stalled("latest:a") as (running, ws):
        await until_blocked(running, "latest:a", PAYLOAD)
        for n in range(BOUND + 1):
            await publish(running, "latest:a", key=f"k{n}")
        ws.unstall()
        await ws.expect_close(4509)
