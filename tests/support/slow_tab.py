"""A tab that has joined a topic and then stops reading, and a backend that goes on publishing."""

from typing import Any

from actor_world import Tab, World
from loop_turns import turns

from actors.runtime.overflow import OverflowPolicy

__all__ = ["gaps_of", "publish_numbers", "slow_tab", "story_of", "world_with"]


def world_with(policy: OverflowPolicy, *, finals: frozenset[str] = frozenset(), **settings: Any) -> World:
    """The topic ``t`` has ``policy`` and ``finals``; a mailbox takes six messages unless ``settings`` say otherwise."""
    return World({"t": policy}, {"t": finals}, **{"mailbox_messages": 6} | settings)


async def slow_tab(world: World, *topics: str) -> Tab:
    """Subscribed to ``t`` and ``topics``; the kernel takes not one byte more for it."""
    tab = await world.open()
    await tab.subscribe("t", *topics)
    tab.socket.let_through(0)
    return tab


async def publish_numbers(world: World, first: int, last: int, topic: str = "t") -> None:
    """One by one, so that each is fanned out by itself."""
    for number in range(first, last + 1):
        world.publish(topic, number)
        await turns(3)


def gaps_of(tab: Tab) -> list[dict[str, Any]]:
    return [gap["data"] for gap in tab.socket.of_type("gap")]


def story_of(tab: Tab, topic: str = "t") -> list[Any]:
    """What the browser was told of ``topic``, in order: data of messages, and how many a gap says are missing."""
    story = []
    for message in tab.socket.messages:
        if message["topic"] == topic:
            story.append(message["data"])
        elif message["type"] == "gap" and message["data"]["topic"] == topic:
            story.append(("gap", message["data"]["dropped"]))
    return story
