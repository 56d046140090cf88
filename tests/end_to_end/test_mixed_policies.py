"""Topics of different overflow policies on one connection: they share a mailbox, and nothing else."""

import pytest
from ledger import newest_by_subject, walk_chain
from loop_turns import until
from slow_reader import until_blocked
from stalled_client import BOUND, PAYLOAD, mailbox, publish, publish_many, read_all, stalled

from server.testing import Wanted

pytestmark = pytest.mark.slow


@pytest.mark.gen_test(timeout=30)
async def test_several_topics_on_one_connection_each_follow_their_own_policy() -> None:
    topics = ("catch_up:a", "drop_oldest:a", "drop_newest:a", "latest:a")
    async with stalled(*topics) as (running, ws):
        published: dict[str, list[int]] = {topic: [] for topic in topics}
        published["drop_oldest:a"] = await until_blocked(running, "drop_oldest:a", PAYLOAD)
        newest = None
        for n in range(4):
            # The keyed topic comes first: it must have its one place before the others fill the rest.
            newest = {"n": n}
            published["latest:a"].append(await publish(running, "latest:a", key="k", data=newest))
        for _ in range(100):
            for topic in topics[:3]:
                published[topic].append(await publish(running, topic))
        lost_before = mailbox(running).dropped
        assert lost_before > 0
        for topic in topics[:3]:
            published[topic].append(await publish(running, topic, "done"))
        await read_all(ws, published["catch_up:a"][-1], "catch_up:a")
        for topic in ("drop_oldest:a", "drop_newest:a"):
            await read_all(ws, published[topic][-1], topic)
        assert walk_chain("catch_up:a", ws.received, published["catch_up:a"]) == []
        lost = {topic: walk_chain(topic, ws.received, published[topic]) for topic in topics[1:3]}
        assert all(lost.values())
        assert newest_by_subject("latest:a", ws.received) == {"k": newest}
        assert sum(map(len, lost.values())) == mailbox(running).dropped


@pytest.mark.gen_test(timeout=30)
async def test_a_client_that_stalls_again_and_again_is_never_told_a_wrong_chain() -> None:
    topics = ("catch_up:a", "drop_oldest:a", "drop_newest:a")
    async with stalled(*topics) as (running, ws):
        published: dict[str, list[int]] = {topic: [] for topic in topics}
        for _ in range(8):
            published["catch_up:a"] += await until_blocked(running, "catch_up:a", PAYLOAD)
            for topic in topics:
                published[topic] += await publish_many(running, topic, 3 * BOUND)
            ws.unstall()
            await ws.expect_sequence([Wanted()] * 40)
            ws.stall()
        await read_all(ws, published["catch_up:a"][-1], "catch_up:a")
        await until(lambda: not (mailbox(running).depth or mailbox(running).bytes_waiting), "an empty mailbox")
        for topic in topics:
            published[topic].append(await publish(running, topic))
            await read_all(ws, published[topic][-1], topic)
        lost = {topic: walk_chain(topic, ws.received, published[topic]) for topic in topics}
        assert lost["catch_up:a"] == []
        assert lost["drop_oldest:a"] and lost["drop_newest:a"]
