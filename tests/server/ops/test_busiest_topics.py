"""Which topics come first, by subscribers and by messages, and how often that is decided."""

from collections.abc import Callable
from typing import Any

import pytest
from actor_world import World
from loop_turns import until

from actors.runtime.overflow import OverflowPolicy
from server.ops import busiest_topics
from server.ops.busiest_topics import RANKED_S, BusiestTopics
from server.ops.slices import TOP

MANY = 30
LOOK = Callable[[], Any]


def looking_at(world: World) -> BusiestTopics:
    return BusiestTopics(world.directory, lambda topic: world.policies.get(topic, OverflowPolicy.DISCONNECT))


@pytest.mark.gen_test
async def test_the_first_of_both_orders_are_shown_with_their_numbers() -> None:
    world = World({"t2": OverflowPolicy.LATEST})
    tab = await world.open()
    await tab.subscribe("t2")
    for number in range(MANY):
        for _ in range(number + 1):
            placed = world.publish(f"t{number}")
    await until(world.is_quiet)
    answer: Any = await looking_at(world).look(0.0)
    assert answer["total"] == MANY + 1
    assert [row["topic"] for row in answer["by_messages"]] == [f"t{MANY - 1 - number}" for number in range(TOP)]
    assert answer["by_messages"][0] | {"depth": 0} == {
        "topic": f"t{MANY - 1}",
        "subscribers": 0,
        "messages": MANY,
        "depth": 0,
        "bound": 100,
        "history": MANY,
        "seq": placed.seq,
        "policy": "disconnect",
    }
    assert {row["topic"] for row in answer["by_subscribers"][:2]} == {"user:ada", "t2"}
    assert [row["policy"] for row in answer["by_subscribers"] if row["topic"] == "t2"] == ["latest"]
    assert len(answer["by_subscribers"]) == TOP


@pytest.mark.gen_test
async def test_where_there_are_many_topics_their_order_is_decided_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busiest_topics, "SLICE", 1)
    world = World()
    looking = looking_at(world)
    world.publish("a")
    world.publish("b")
    await until(world.is_quiet)
    await looking.look(0.0)
    for topic in ("b", "c", "c", "c"):
        world.publish(topic)
    await until(world.is_quiet)
    early: Any = await looking.look(RANKED_S - 0.1)
    assert [(row["topic"], row["messages"]) for row in early["by_messages"]] == [("a", 1), ("b", 2)]
    late: Any = await looking.look(RANKED_S)
    assert [(row["topic"], row["messages"]) for row in late["by_messages"]] == [("c", 3), ("b", 2), ("a", 1)]
