"""The tree as operators see it: every supervisor, and of many children those that matter."""

from typing import Any

import pytest
from actor_world import World
from loop_turns import turns, until

from server.ops.actor_tree import tree_of
from server.ops.slices import TOP

MANY = 30


def leaves(node: dict[str, Any]) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = node["shown"]
    return shown


@pytest.mark.gen_test
async def test_of_many_children_the_deepest_then_the_restarted_then_the_eldest_are_shown(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")
    world = World()
    tabs = [await world.open() for _ in range(MANY)]
    slow, restarted = tabs[-1], tabs[-2]
    await slow.subscribe("t")
    slow.socket.let_through(0)
    for number in range(5):
        world.publish("t", number)
        await turns(3)
    child = world.people.find(restarted.session.client_id)
    assert child is not None
    child.actor._exit(ValueError("on purpose"))  # type: ignore[union-attr]
    await until(lambda: child.actor is not None)
    names = [client.session.client_id for client in world.clients.restless()]
    tree: Any = await tree_of(world.people, {"clients": names})
    assert (tree["kind"], tree["name"], tree["running"]) == ("supervisor", "clients", True)
    assert (tree["children"], tree["child_restarts"], tree["child_failures"]) == (MANY, 1, 1)
    rows = leaves(tree)
    assert len(rows) == TOP
    assert rows[0] == {
        "kind": "client",
        "name": slow.session.client_id,
        "generation": 1,
        "restarts": 0,
        "running": True,
        "depth": slow.session.mailbox.depth,
        "bound": 20,
        "high_water": slow.session.mailbox.depth,
    }
    assert rows[0]["depth"] >= 4
    assert (rows[1]["name"], rows[1]["generation"], rows[1]["restarts"]) == (restarted.session.client_id, 2, 1)
    assert [row["name"] for row in rows[2:]] == [tab.session.client_id for tab in tabs[: TOP - 2]]


@pytest.mark.gen_test
async def test_who_has_left_is_in_the_tree_no_more() -> None:
    world = World()
    tab = await world.open()
    tab.client.gone()
    await until(lambda: not world.clients)
    tree: Any = await tree_of(world.people, {"clients": [tab.session.client_id]})
    assert (tree["children"], leaves(tree)) == (0, [])
