"""Samples as packets, written by the statsd package."""

from collections.abc import Iterator

import pytest

from actors.metrics import Kind
from server.metrics.statsd_pipeline import MAX_PACKET_BYTES, send_packed
from server.metrics.statsd_samples import Sample


def packets(*samples: Sample) -> list[bytes]:
    sent: list[bytes] = []
    send_packed("fanwire", samples, sent.append)
    return sent


def test_samples_become_lines_of_one_packet() -> None:
    assert packets(Sample("ws.seen", Kind.COUNTER, 3), Sample("loop.lag.p50", Kind.GAUGE, 1.5)) == [
        b"fanwire.ws.seen:3|c\nfanwire.loop.lag.p50:1.5|g"
    ]


def test_a_negative_gauge_is_set_to_zero_first_because_a_sign_means_a_change() -> None:
    assert packets(Sample("ws.open", Kind.GAUGE, -2, "worker:1")) == [
        b"fanwire.ws.open:0|g|#worker:1\nfanwire.ws.open:-2|g|#worker:1"
    ]


def test_a_tag_ends_its_own_line_only() -> None:
    assert packets(
        Sample("ws.ended", Kind.COUNTER, 1, "code:1000"),
        Sample("ws.seen", Kind.COUNTER, 1),
        Sample("bus.up", Kind.GAUGE, 1, "bus:memory"),
    ) == [b"fanwire.ws.ended:1|c|#code:1000\nfanwire.ws.seen:1|c\nfanwire.bus.up:1|g|#bus:memory"]


def test_packets_keep_the_order_and_stay_within_their_bound() -> None:
    samples = [Sample(f"ws.number_{number}", Kind.COUNTER, number, "tag:value") for number in range(200)]
    sent = packets(*samples)
    assert len(sent) > 10
    assert max(map(len, sent)) <= MAX_PACKET_BYTES
    assert b"\n".join(sent).split(b"\n") == [f"fanwire.{one.name}:{one.value}|c|#tag:value".encode() for one in samples]


def test_nothing_to_tell_is_no_packet() -> None:
    assert packets() == []


def test_nothing_is_sent_where_a_sample_cannot_be_written() -> None:
    def broken() -> Iterator[Sample]:
        yield Sample("ws.seen", Kind.COUNTER, 1)
        raise LookupError("cannot be read")

    sent: list[bytes] = []
    with pytest.raises(LookupError):
        send_packed("fanwire", broken(), sent.append)
    assert sent == []
