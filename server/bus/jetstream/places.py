"""Places: where the last message of a topic is, as far as this worker knows. A guess that the server checks."""

from typing import NamedTuple

from actors.protocol.envelope import Seq, TopicName

__all__ = ["MAX_PLACES", "Place", "Places"]

MAX_PLACES = 100_000


class Place(NamedTuple):
    """The position of a message and its sequence in the stream; 0 where the stream has it no more."""

    seq: Seq
    stream_seq: int


class Places:
    """Those of the topics used last. Owns ``highest`` too: no position at or below it is given by this worker."""

    def __init__(self, most: int = MAX_PLACES) -> None:
        self._most = most
        self._places: dict[TopicName, Place] = {}
        self.highest = Seq(0)

    def get(self, topic: TopicName) -> Place | None:
        return self._places.get(topic)

    def put(self, topic: TopicName, seq: Seq, stream_seq: int) -> None:
        """Later messages only: what is read of the past does not move a place back."""
        self.highest = max(self.highest, seq)
        known = self._places.pop(topic, None)
        self._places[topic] = known if known is not None and known.seq > seq else Place(seq, stream_seq)
        if len(self._places) > self._most:
            del self._places[next(iter(self._places))]

    def forget(self, topic: TopicName) -> None:
        self._places.pop(topic, None)

    def forget_all(self) -> None:
        """Another server, or this one after a crash, may have something else in the same places."""
        self._places.clear()
