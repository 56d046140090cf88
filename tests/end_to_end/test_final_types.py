"""Messages of a final type: no overflow policy loses one, whatever it does to those around it."""

import pytest
from ledger import walk_chain
from slow_reader import until_blocked
from stalled_client import BOUND, PAYLOAD, publish, publish_many, read_all, stalled

pytestmark = pytest.mark.slow


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
async def test_a_final_type_survives_where_everything_around_it_is_dropped(policy: str) -> None:
    topic = f"{policy}:a"
    async with stalled(topic) as (running, ws):
        published = await until_blocked(running, topic, PAYLOAD)
        finals = []
        for _ in range(5):
            published += await publish_many(running, topic, 50)
            finals.append(await publish(running, topic, "done"))
            published.append(finals[-1])
        await read_all(ws, finals[-1], topic)
        assert [frame["seq"] for frame in ws.received if frame["type"] == "done"] == finals
        assert set(walk_chain(topic, ws.received, published)).isdisjoint(finals)


@pytest.mark.gen_test(timeout=30)
async def test_under_latest_a_final_type_is_not_superseded_by_the_next_of_its_key() -> None:
    async with stalled("latest:a") as (running, ws):
        await until_blocked(running, "latest:a", PAYLOAD)
        finals = [await publish(running, "latest:a", "done", key="k") for _ in range(3)]
        for _ in range(20):
            last = await publish(running, "latest:a", key="k")
        await read_all(ws, last, "latest:a")
        assert [frame["seq"] for frame in ws.received if frame["type"] == "done"] == finals


@pytest.mark.gen_test(timeout=30)
@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
async def test_a_mailbox_full_of_final_messages_disconnects_rather_than_drop_one(policy: str) -> None:
    topic = f"{policy}:a"
    async with stalled(topic) as (running, ws):
        await until_blocked(running, topic, PAYLOAD)
        for _ in range(BOUND + 1):
            await publish(running, topic, "done")
        ws.unstall()
        await ws.expect_close(4509)
