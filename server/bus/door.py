"""Door: where a bus delivers, which changes while it runs: whoever is restarted opens it anew."""

from actors.ports import Deliveries
from actors.protocol.envelope import Envelope, TopicName

__all__ = ["Door"]


class Door:
    """Implements ``actors.ports.Deliveries`` for the topics of one bus; while it is shut there is no room."""

    def __init__(self) -> None:
        self._inside: Deliveries | None = None

    @property
    def is_open(self) -> bool:
        return self._inside is not None

    def open(self, inside: Deliveries) -> None:
        self._inside = inside

    def shut(self) -> None:
        self._inside = None

    def has_room(self, topic: TopicName) -> bool:
        return self._inside is not None and self._inside.has_room(topic)

    def deliver(self, envelope: Envelope) -> None:
        if self._inside is not None:  # else it was shut in this very turn: what is stored is fetched later
            self._inside.deliver(envelope)

    def lost_place(self, topic: TopicName) -> None:
        if self._inside is not None:
            self._inside.lost_place(topic)
