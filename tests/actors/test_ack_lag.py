"""How far behind a client is by its own word: positions are microseconds."""

from actors.ack_lag import ack_lag_s
from actors.protocol.envelope import Seq, TopicName


def test_the_topic_that_lags_most_counts() -> None:
    tops = {TopicName("a"): Seq(5_000_000), TopicName("b"): Seq(9_000_000)}
    acknowledged = {TopicName("a"): Seq(4_500_000), TopicName("b"): Seq(6_500_000)}
    assert ack_lag_s(acknowledged, tops.__getitem__) == 2.5


def test_who_never_acknowledged_anything_has_no_lag_that_could_be_known() -> None:
    assert ack_lag_s({}, lambda topic: Seq(1)) is None
