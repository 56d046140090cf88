"""A topic as a model: everything that was ever published to it, and what its history still has of that."""

from actor_world import delivery

from actors.delivery import Delivery
from actors.protocol.envelope import Seq, TopicName
from actors.runtime.overflow import OverflowPolicy

__all__ = ["FINAL", "ModelTopic"]

FINAL = "end"
STEP = 10


class ModelTopic:
    """``chain`` is every message in order, of which history has those from ``forgotten`` on.

    ``losses`` says, for each position that history did not reach back to, which seq was the first it had then.
    """

    def __init__(self, name: str, policy: OverflowPolicy, *, has_finals: bool) -> None:
        self.name = TopicName(name)
        self.policy = policy
        self.has_finals = has_finals
        self.chain: list[Delivery] = []
        self.forgotten = 0
        self.losses: dict[int, int] = {}

    @property
    def top(self) -> Seq:
        return self.chain[-1].seq if self.chain else Seq(0)

    @property
    def kept(self) -> list[Delivery]:
        return self.chain[self.forgotten :]

    def publish(self, kind: str, key: str | None, size: int) -> Delivery:
        fields = {"type": kind} if key is None else {"type": kind, "key": key}
        is_final = self.has_finals and kind == FINAL
        message = delivery(self.top + STEP, self.top, self.name, "x" * size, is_final=is_final, **fields)
        self.chain.append(message)
        return message

    def forget(self, *, but: int) -> None:
        """History loses all messages but the last few."""
        self.forgotten = max(self.forgotten, len(self.chain) - but)

    def behind(self, position: int) -> list[Delivery] | None:
        """What history has behind ``position``; None where it does not reach back that far."""
        if position == self.top:
            return []
        first = self.kept[0] if self.kept else None
        known = {message.seq for message in self.kept} | ({first.prev} if first else set())
        return [message for message in self.kept if message.seq > position] if position in known else None

    def lose_history_behind(self, position: int) -> None:
        self.losses[position] = self.kept[0].seq if self.kept else self.top + 1

    def between(self, after: int, before: float = float("inf")) -> list[Delivery]:
        """What was published behind ``after`` and in front of ``before``."""
        return [message for message in self.chain if after < message.seq < before]
