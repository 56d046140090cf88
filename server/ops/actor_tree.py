"""The supervision tree as operators see it: every supervisor, and of its actors those that matter most."""

from collections.abc import Hashable, Iterable, Mapping
from itertools import chain

from actors.runtime.child import Child
from actors.runtime.supervisor import Supervisor
from server.ops.slices import TOP, largest

__all__ = ["tree_of"]

Node = dict[str, object]
Deepest = Mapping[str, Iterable[Hashable]]


async def tree_of(root: Supervisor, deepest: Deepest) -> Node:
    """``root`` with all that it supervises; of topics and clients at most ``TOP`` each, the deepest mailboxes first.

    ``deepest`` names the children with the deepest mailboxes, by their supervisor's name: only these, those that
    were restarted and the eldest are looked at, of ten thousand others not one.
    """
    about: Node = {
        "kind": "supervisor",
        "name": root.name,
        "generation": 1,
        "restarts": 0,
        "running": root.is_running,
    }
    return about | await _below(root, deepest)


async def _below(supervisor: Supervisor, deepest: Deepest) -> Node:
    named = (supervisor.find(name) for name in deepest.get(supervisor.name, ()))
    # A dictionary, as a set that keeps its order: the eldest come first where nothing else tells two apart.
    notable = dict.fromkeys(chain(supervisor.eldest(TOP), supervisor.restarted(), filter(None, named)))
    crowd = await largest([child for child in notable if child.spec.mailbox is not None], _rank)
    plain = [child for child in notable if child.spec.mailbox is None]
    return {
        "children": len(supervisor),
        "child_restarts": supervisor.restarts,
        "child_failures": supervisor.failures,
        "shown": [await _node(child, deepest) for child in chain(plain, crowd)],
    }


async def _node(child: Child, deepest: Deepest) -> Node:
    about: Node = {
        "kind": child.spec.kind,
        "name": str(child.spec.name),
        "generation": child.generation,
        "restarts": child.generation - 1,
        "running": child.actor is not None,
    }
    if isinstance(child.actor, Supervisor):
        return about | await _below(child.actor, deepest)
    return about | _depth_of(child)


def _rank(child: Child) -> tuple[int, int]:
    mailbox = child.spec.mailbox
    return (0 if mailbox is None else mailbox.depth, child.generation)


def _depth_of(child: Child) -> Node:
    mailbox = child.spec.mailbox
    if mailbox is None:
        return {"depth": None, "bound": None, "high_water": None}
    return {"depth": mailbox.depth, "bound": mailbox.max_messages, "high_water": mailbox.high_water}
