"""What the streams have to be, and what of an operator's settings is left alone."""

from server.bus.jetstream.names import Names
from server.bus.jetstream.streams import wanted, widened
from server.config import HistoryConfig

NAMES = Names("fanwire")
NS = 1_000_000_000


def messages(count: int = 10, ttl_s: float = 600.0) -> dict[str, object]:
    return wanted(NAMES, HistoryConfig(count, ttl_s))[NAMES.messages]


def test_messages_live_as_long_as_their_ids_are_remembered_at_least() -> None:
    assert messages(ttl_s=1.0)["max_age"] == 300 * NS
    assert messages(ttl_s=900.0)["max_age"] == 900 * NS


def test_bounds_are_widened_and_never_narrowed() -> None:
    there = messages(100, 900.0)
    assert widened(there, messages(10, 600.0)) == there
    assert widened(there, messages(200, 1_000.0)) == messages(200, 1_000.0)
    unbounded = there | {"max_msgs_per_subject": -1, "max_age": 0}
    assert widened(unbounded, messages()) == unbounded


def test_what_an_operator_has_set_besides_is_left_alone() -> None:
    there = messages() | {"num_replicas": 3, "max_bytes": 7, "placement": {"cluster": "a"}, "republish": None}
    assert widened(there, messages()) == there | {"republish": messages()["republish"]}


def test_the_stream_of_tops_keeps_what_an_operator_has_set() -> None:
    tops = wanted(NAMES, HistoryConfig())[NAMES.tops]
    there = tops | {"max_msgs": 5, "max_age": 1, "num_replicas": 3}
    assert widened(there, tops) == there
