"""The statsd package's pipeline, for a socket of our own and with tags. It packs the lines and owns them until then.

The package's ``StatsClient`` looks its host up while it is made and hides what goes wrong. Its base class
leaves exactly that to a subclass: ``_send``, ``pipeline`` and ``close`` are its abstract methods.
"""

from collections.abc import Callable, Iterable

from statsd.client.base import StatsClientBase  # type: ignore[import-untyped]
from statsd.client.udp import Pipeline  # type: ignore[import-untyped]

from actors.metrics import Kind
from server.metrics.statsd_samples import Sample

__all__ = ["MAX_PACKET_BYTES", "send_packed"]

MAX_PACKET_BYTES = 512
"""The statsd package's own bound: it passes every path, and no daemon's receive buffer is smaller."""


def send_packed(prefix: str, samples: Iterable[Sample], send: Callable[[bytes], None]) -> None:
    """Call ``send`` with each packet, once all samples are written. Raises: UnicodeEncodeError off ASCII."""
    pipeline = _Client(prefix, send).pipeline()
    for sample in samples:
        pipeline.write(sample)
    # Not a with statement: the package would send what it has even where a sample could not be written.
    pipeline.send()


class _Client(StatsClientBase):  # type: ignore[misc]
    suffix: str = ""

    def __init__(self, prefix: str, send: Callable[[bytes], None]) -> None:
        self._prefix = prefix
        self._maxudpsize = MAX_PACKET_BYTES
        self._send_packet = send

    def pipeline(self) -> "_TaggedPipeline":
        return _TaggedPipeline(self)

    def close(self) -> None:
        """The socket is its owner's to close."""

    def _send(self, data: str) -> None:
        self._send_packet(data.encode("ascii"))


class _TaggedPipeline(Pipeline):  # type: ignore[misc]
    """``suffix`` ends each line; the package knows no tags, but all its lines come out of ``_prepare``."""

    def __init__(self, client: "_Client | _TaggedPipeline") -> None:
        super().__init__(client)
        # A negative gauge is written by a pipeline within the pipeline, and has the same tag.
        self.suffix: str = client.suffix

    def write(self, sample: Sample) -> None:
        self.suffix = f"|#{sample.tag}" if sample.tag else ""
        if sample.kind is Kind.COUNTER:
            self.incr(sample.name, sample.value)
        else:
            self.gauge(sample.name, sample.value)

    def _prepare(self, stat: str, value: str, rate: float) -> str:
        return f"{super()._prepare(stat, value, rate)}{self.suffix}"
