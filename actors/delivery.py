"""A message on its way to subscribers: what fan-out and the mailboxes need, and the bytes all of them share."""

from actors.protocol.codec import encode_envelope
from actors.protocol.envelope import Envelope, Seq, TopicName, TraceId
from actors.protocol.frame import text_frame
from actors.trace import Trace

__all__ = ["Delivery"]


class Delivery:
    """Built once per message and worker; never changed afterwards, so that thousands of mailboxes may share it.

    ``is_final``: no overflow policy may lose it. ``subject`` is what policy ``latest`` keeps the newest of: the
    message's ``key``, else its ``type``. ``trace`` is what does change: the record of what becomes of it.
    """

    __slots__ = ("frame", "id", "is_final", "prev", "seq", "size", "subject", "topic", "trace", "type")

    def __init__(
        self, envelope: Envelope, *, is_final: bool = False, received: float = 0.0, is_told: bool = False
    ) -> None:
        """``received``: monotonic seconds of its arrival in this worker; ``is_told``: the packet log tells its hops."""
        self.id: TraceId = envelope.id
        self.topic: TopicName = envelope.topic
        self.type: str = envelope.type
        self.seq: Seq = envelope.seq
        self.prev: Seq = envelope.prev
        self.is_final = is_final
        self.subject: str = envelope.type if envelope.key is None else envelope.key
        self.frame: bytes = text_frame(encode_envelope(envelope))
        self.size: int = len(self.frame)
        self.trace = Trace(envelope, received, is_told=is_told)

    @property
    def payload(self) -> bytes:
        """The envelope as JSON, without the WebSocket's header: that has 2, 4 or 10 bytes (RFC 6455 §5.2)."""
        header = {126: 4, 127: 10}.get(self.frame[1], 2)
        return self.frame[header:]

    def __repr__(self) -> str:
        return f"<Delivery {self.topic} {self.seq} {self.id}>"
