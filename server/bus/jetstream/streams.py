"""The two streams of the bus: what they have to be, and making them so.

``messages`` has everything for as long as any namespace keeps its history. ``tops`` takes the last message of
each topic from it, by itself: a position outlives its message there.
"""

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from server.bus.jetstream.line import Line
from server.bus.jetstream.names import Names
from server.bus.jetstream.refusals import NO_STREAM, Refused
from server.config import HistoryConfig

__all__ = ["API", "DUPLICATES_S", "MAX_TOPS", "TOP_TTL_S", "ensure_streams", "wanted"]

API = "$JS.API"
DUPLICATES_S = 300  # protocol §5
TOP_TTL_S = 30 * 86_400  # nobody renews the position of a topic that is only listened to
MAX_TOPS = 1_000_000
_NS = 1_000_000_000

Stream = dict[str, Any]


async def ensure_streams(line: Line, names: Names, largest: HistoryConfig) -> str:
    """Create what is missing, and widen what is too narrow; all else is left as an operator has set it.

    Returns the epoch: who makes the stream of tops anew has forgotten all positions. Raises: LineLost, Refused.
    """
    streams = {name: await _ensure(line, name, ours) for name, ours in wanted(names, largest).items()}
    return f"{crc32(streams[names.tops]['created'].encode()):08x}"


async def _ensure(line: Line, name: str, ours: Stream) -> Stream:
    """What the server says of the stream. Raises: LineLost, Refused."""
    try:
        info: Stream = await line.call(f"{API}.STREAM.INFO.{name}", {})
    except Refused as refused:
        if refused.err_code != NO_STREAM:
            raise
        return await line.call(f"{API}.STREAM.CREATE.{name}", ours)
    changed = widened(info["config"], ours)
    if changed != info["config"]:
        await line.call(f"{API}.STREAM.UPDATE.{name}", changed)
    return info


def wanted(names: Names, largest: HistoryConfig) -> dict[str, Stream]:
    """Both streams, by name, as JetStream's API takes them."""
    messages: Stream = {
        "name": names.messages,
        "subjects": [names.every_subject],
        "retention": "limits",
        "discard": "old",
        "storage": "file",
        "num_replicas": 1,
        "max_msgs_per_subject": largest.messages,
        "max_age": int(max(largest.ttl_s, DUPLICATES_S) * _NS),
        "duplicate_window": DUPLICATES_S * _NS,
        "republish": {"src": names.every_subject, "dest": f"{names.every_live[:-1]}{{{{wildcard(1)}}}}"},
    }
    tops: Stream = {
        "name": names.tops,
        "sources": [{"name": names.messages}],
        "retention": "limits",
        "discard": "old",
        "storage": "file",
        "num_replicas": 1,
        "max_msgs_per_subject": 1,
        "max_msgs": MAX_TOPS,
        "max_age": TOP_TTL_S * _NS,
    }
    return {names.messages: messages, names.tops: tops}


def widened(there: Mapping[str, Any], ours: Mapping[str, Any]) -> Stream:
    """``there`` with what this bus cannot do without, and at least our bounds: the largest of all gateways wins."""
    changed = dict(there)
    for key in ("subjects", "republish", "duplicate_window"):
        if key in ours:
            changed[key] = ours[key]
    if "subjects" in ours:
        for key in ("max_msgs_per_subject", "max_age"):
            unbounded = there[key] <= 0
            changed[key] = there[key] if unbounded else max(there[key], ours[key])
    return changed
