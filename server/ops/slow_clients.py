"""Which clients do not keep up: those for whom something waits, the worst first."""

from collections.abc import Callable, Sequence
from heapq import nlargest

from actors.ack_lag import ack_lag_s
from actors.client_mailbox import ClientMailbox
from actors.clients import Client
from actors.lane import Lane
from actors.protocol.envelope import Seq, TopicName
from actors.session import ClientSession
from server.ops.slices import largest, slices

__all__ = ["DEEPEST_TOPICS", "slow_clients"]

DEEPEST_TOPICS = 3


async def slow_clients(restless: Sequence[Client], top_of: Callable[[TopicName], Seq], now: float) -> dict[str, object]:
    """How many of ``restless`` have messages waiting, and the ``TOP`` worst of them; ``now`` in monotonic seconds."""
    behind: list[ClientSession] = []
    async for part in slices(restless):
        # The others only wait for the answer to a request.
        sessions = [client.session for client in part]
        behind += [session for session in sessions if session.mailbox.bytes_waiting or session.mailbox.lanes()]
    worst = await largest(behind, lambda session: _badness(session.mailbox))
    return {"total": len(behind), "rows": [_row(session, top_of, now) for session in worst]}


def _badness(mailbox: ClientMailbox) -> tuple[bool, float]:
    """Where a policy had to act comes before the rest; then what is fullest, by messages or by bytes."""
    fullness = max(mailbox.depth / mailbox.max_messages, mailbox.bytes_waiting / mailbox.max_bytes)
    return mailbox.slow_since is not None, fullness


def _row(session: ClientSession, top_of: Callable[[TopicName], Seq], now: float) -> dict[str, object]:
    mailbox = session.mailbox
    deepest = nlargest(DEEPEST_TOPICS, mailbox.lanes(), key=lambda lane: len(lane.entries))
    return {
        "client": session.client_id,
        "user": session.identity.user,
        "policy": _policy_of(deepest),
        "topics": [_lane(lane) for lane in deepest],
        "depth": mailbox.depth,
        "max_messages": mailbox.max_messages,
        "high_water": mailbox.high_water,
        "bytes": mailbox.bytes_waiting,
        "max_bytes": mailbox.max_bytes,
        "unsent_s": _age(session.socket.unsent_since, now),
        "slow_s": _age(mailbox.slow_since, now),
        "dropped": mailbox.dropped,
        "ack_lag_s": ack_lag_s(session.acknowledged, top_of),
    }


def _policy_of(deepest: Sequence[Lane]) -> str | None:
    """None where nothing but the socket's buffer is full: no policy has had to do with that yet."""
    return deepest[0].policy.value if deepest else None


def _lane(lane: Lane) -> dict[str, object]:
    return {
        "topic": lane.topic,
        "waiting": len(lane.entries),
        "policy": lane.policy.value,
        "behind": lane.behind is not None,
    }


def _age(since: float | None, now: float) -> float | None:
    return None if since is None else round(max(0.0, now - since), 3)
