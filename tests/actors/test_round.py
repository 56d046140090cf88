"""A round: whom it serves, what it measures, and what it tells."""

import json
import logging
from typing import Any

import pytest
from actor_world import delivery
from fake_socket import FakeSocket
from one_topic import Subscriber

from actors.client_mailbox import ClientMailbox
from actors.delivery import Delivery
from actors.metrics import WS_FANOUT, WS_PUBLISH_TO_SOCKET, WS_SENT_BYTES, WS_SENT_MESSAGES
from actors.protocol.envelope import Seq, envelope_from
from actors.round import Round
from actors.telemetry import Telemetry
from server.testing.manual_clock import ManualClock


class Setting:
    """A clock, a telemetry, and rounds with them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.telemetry = Telemetry(self.clock)

    def round(self, deliveries: list[Delivery], subscribers: list[Subscriber]) -> Round:
        return Round(deliveries, [one.mailbox for one in subscribers], self.telemetry, self.clock)

    def sent(self) -> tuple[int, int]:
        """Messages and bytes."""
        meter = self.telemetry.meter
        return meter.counts(WS_SENT_MESSAGES)[""], meter.counts(WS_SENT_BYTES)[""]


def told(seq: int, received: float = 0.0) -> Delivery:
    envelope = envelope_from({"topic": "t", "type": "x"}, 1.0).placed(Seq(seq), Seq(0))
    return Delivery(envelope, received=received, is_told=True)


def test_it_serves_so_many_at_a_time_and_knows_how_many_are_left() -> None:
    crowd = [Subscriber() for _ in range(5)]
    round = Setting().round([delivery(10), delivery(20)], crowd)
    left = [round.left]
    for most in (2, 2, 2, 2):
        round.serve(most)
        left.append(round.left)
    assert left == [5, 3, 1, 0, 0]
    assert all(one.seqs == [10, 20] for one in crowd)


def test_what_is_sent_is_counted_for_each_subscriber_that_took_all_of_it() -> None:
    setting, crowd = Setting(), [Subscriber(), Subscriber(room=0), Subscriber()]
    first, second = delivery(10), delivery(20)
    setting.round([first, second], crowd).serve(3)
    assert setting.sent() == (2 * 2, 2 * (first.size + second.size))
    assert (first.trace.offered, first.trace.written, second.trace.written) == (3, 2, 2)


def test_the_time_to_the_socket_is_observed_once_for_each_subscriber_and_message() -> None:
    setting, crowd = Setting(), [Subscriber() for _ in range(3)]
    early, late = told(1, received=990.0), told(2, received=999.0)
    early.trace.is_told = late.trace.is_told = False
    round = setting.round([early, late], crowd)
    setting.clock.advance(2.0)
    round.serve(2)
    setting.clock.advance(1.0)
    round.serve(2)
    round.end()
    [histogram] = setting.telemetry.meter.histograms(WS_PUBLISH_TO_SOCKET).values()
    assert (histogram.count, histogram.total_s) == (6, 2 * 12.0 + 2 * 3.0 + 13.0 + 4.0)
    [fan_out] = setting.telemetry.meter.histograms(WS_FANOUT).values()
    assert (fan_out.count, fan_out.total_s) == (1, 3.0)
    assert (early.trace.fanned_out, early.trace.last_written) == (1000.0, 1003.0)


def test_nobody_who_took_it_means_nothing_is_observed() -> None:
    setting = Setting()
    round = setting.round([delivery(10)], [Subscriber(room=0)])
    round.serve(1)
    round.end()
    [histogram] = setting.telemetry.meter.histograms(WS_PUBLISH_TO_SOCKET).values()
    assert (setting.sent(), histogram.count) == ((0, 0), 0)


def test_a_round_for_nobody_is_a_round_all_the_same() -> None:
    setting = Setting()
    round = setting.round([delivery(10)], [])
    round.serve(1)
    round.end()
    [fan_out] = setting.telemetry.meter.histograms(WS_FANOUT).values()
    assert (fan_out.count, round.left) == (1, 0)


def test_a_message_that_is_told_takes_the_queue_with_all_that_it_is_joined_with(caplog: Any) -> None:
    caplog.set_level(logging.INFO, "fanwire.packets")
    setting, crowd = Setting(), [Subscriber(), Subscriber()]
    plain, loud = delivery(10), told(20)
    round = setting.round([plain, loud], crowd)
    round.serve(2)
    round.end()
    assert all(one.seqs == [] and one.mailbox.depth == 2 for one in crowd)
    assert setting.sent() == (0, 0), "the actors that write them will count them"
    [line] = [vars(record) for record in caplog.records]
    said = {name: line[name] for name in ("message", "trace_id", "topic", "seq", "subscribers")}
    assert said == {"message": "fanned_out", "trace_id": loud.id, "topic": "t", "seq": 20, "subscribers": 2}
    assert [(one.answers() and one.seqs) or one.seqs for one in crowd] == [[10, 20], [10, 20]]


def test_a_socket_that_is_gone_is_not_counted_and_holds_nobody_up() -> None:
    setting, gone, bob = Setting(), Subscriber(), Subscriber()
    gone.socket.gone = True
    message = delivery(10)
    setting.round([message], [gone, bob]).serve(2)
    assert setting.sent() == (1, message.size)
    assert bob.seqs == [10]


def _partly(room: int) -> tuple[Setting, ClientMailbox, Delivery]:
    """A round to one subscriber whose kernel takes ``room`` bytes."""
    setting, socket, message = Setting(), FakeSocket(room), delivery(10, data="x" * 100)
    mailbox = ClientMailbox(
        socket,
        lambda topic: pytest.fail("no policy has to act"),
        setting.telemetry.meter,
        setting.clock.monotonic,
        max_messages=9,
        max_bytes=9_000,
        max_topics=1,
    )
    mailbox.attach(lambda: None)
    Round([message], [mailbox], setting.telemetry, setting.clock).serve(1)
    socket.let_through(None)
    assert json.loads(socket.frames[0][1])["seq"] == 10
    return setting, mailbox, message


def test_what_the_kernel_took_a_part_of_is_counted_and_timed_like_any_other() -> None:
    setting, mailbox, message = _partly(room=50)
    assert (mailbox.depth, setting.sent()[0], message.trace.written) == (0, 1, 1)
    [histogram] = setting.telemetry.meter.histograms(WS_PUBLISH_TO_SOCKET).values()
    assert histogram.count == 1, "not observed, although it was given to the socket"
    assert message.trace.last_written == 1000.0, "written by one, and never"
