"""What one client received of one topic, held against everything that was published there.

Pure: takes decoded frames in the order of their arrival. Every check follows docs/protocol.md §1 (the chain of
``prev``) and §6 (what each overflow policy promises), and never the code under test.
"""

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["frames_of", "newest_by_subject", "received_of", "walk_chain"]


def frames_of(topic: str, frames: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages of ``topic`` and the gaps in it, in their order."""
    return [
        frame
        for frame in frames
        if frame["topic"] == topic
        or (frame["topic"] == "system" and frame["type"] == "gap" and frame["data"]["topic"] == topic)
    ]


def received_of(topic: str, frames: Iterable[dict[str, Any]]) -> list[int]:
    """The positions that arrived, in their order."""
    return [frame["seq"] for frame in frames if frame["topic"] == topic]


def walk_chain(topic: str, frames: Iterable[dict[str, Any]], published: Sequence[int], *, start: int = 0) -> list[int]:
    """Follow the chain from position ``start`` on; the positions that were lost, each told by a gap.

    ``published`` are all positions of the topic behind ``start``, in order. Raises: AssertionError at the first
    message that does not follow from what came before it, and at a gap whose ends or count are not exact.
    """
    chain = [start, *published]
    here, lost, must_follow = start, [], None
    for frame in frames_of(topic, frames):
        if frame["topic"] == topic:
            assert frame["prev"] == here, f"after {here} came {frame['seq']}, which follows {frame['prev']}"
            assert must_follow in (None, frame["seq"]), f"the gap said {must_follow}, then came {frame['seq']}"
            here, must_follow = frame["seq"], None
            continue
        gap = frame["data"]
        assert gap["from"] == here, f"the gap begins at {gap['from']}, and the last message was {here}"
        assert gap["reason"] == "overflow" and gap["dropped"] >= 1, gap
        first = chain.index(here) + 1
        missing = chain[first : first + gap["dropped"]]
        assert len(missing) == gap["dropped"], f"more is said to be lost than there was: {gap}"
        lost += missing
        here, must_follow = missing[-1], gap["to"]
    assert must_follow is None, f"a gap promised {must_follow}, which never came"
    assert here == chain[-1], f"it ends at {here}, and {chain[-1]} was the last"
    return lost


def newest_by_subject(topic: str, frames: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The ``data`` of the last message under each ``key``, else ``type``; positions must only ever grow."""
    newest: dict[str, Any] = {}
    here = 0
    for frame in frames:
        if frame["topic"] == topic:
            assert frame["seq"] > here, f"{frame['seq']} after {here}"
            assert here <= frame["prev"] < frame["seq"], f"{frame['seq']} follows {frame['prev']}, after {here}"
            here = frame["seq"]
            newest[frame.get("key") or frame["type"]] = frame["data"]
    return newest
