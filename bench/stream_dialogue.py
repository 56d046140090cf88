"""What tabs and backends of many topics say. Pure: the time comes with the call.

Topics are numbered and all names are equally long, so that the load generator can write a number into a finished text.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from bench.dialogue import COUNTER_DIGITS, ID_PREFIX
from bench.storm_dialogue import sign

__all__ = ["MAX_TOPICS", "Tab", "message_text", "publish_head", "seats", "tab_lines", "tabs_in_runs", "topic_name"]

MAX_TOPICS = 100_000
_TOPIC_DIGITS = 5


@dataclass(frozen=True, slots=True)
class Tab:
    """One connection and the run of topics that it subscribes to: ``topics`` of them from ``first`` on."""

    first: int
    topics: int


def topic_name(number: int) -> str:
    return f"bench:{number:0{_TOPIC_DIGITS}d}"


def seats(streams: int, tabs: int) -> list[Tab]:
    """One topic for each of ``tabs``. Twice as many tabs as streams are 1, 2 or 3 on each, three times as many are 3.

    Raises: ValueError where there are fewer tabs than streams, or more than three on each.
    """
    if not streams <= tabs <= 3 * streams:
        raise ValueError(f"tabs: {tabs} of {streams} streams; each must have 1 to 3")
    numbers = range(streams)
    order = [
        *numbers,
        *(number for number in numbers if number % 3 != 0),
        *(number for number in numbers if number % 3 == 2),
        *(number for number in numbers if number % 3 == 0),
        *(number for number in numbers if number % 3 != 2),
    ]
    return [Tab(number, 1) for number in order[:tabs]]


def tabs_in_runs(topics: int, each: int) -> list[Tab]:
    """As few tabs as have all ``topics`` once when a tab has at most ``each`` of them."""
    return [Tab(first, min(each, topics - first)) for first in range(0, topics, each)]


def tab_lines(tabs: list[Tab], secret: str, now_s: float) -> Iterator[str]:
    """One line per tab for the load generator: its own token, its first topic and how many, its ``subscribe`` frame."""
    for number, tab in enumerate(tabs):
        token = sign(secret, f"user-{number}", now_s, subscribe=["bench:*"])
        yield f"{token} {tab.first} {tab.topics} {_subscribe(number, tab)}\n"


def message_text(data: str, run: str) -> tuple[str, int, int]:
    """An envelope with ``data`` as its text, and where in it the digits of its id and of its topic begin.

    ``run`` is eight hexadecimal digits that ids begin with: a gateway drops what it takes for a repetition.
    """
    prefix = run + ID_PREFIX[len(run) :]
    envelope = {
        "v": 1,
        "id": prefix + "0" * COUNTER_DIGITS,
        "topic": topic_name(0),
        "type": "bench.tick",
        "data": {"text": data},
    }
    text = json.dumps(envelope, separators=(",", ":"))
    return text, text.index(prefix) + len(prefix), text.index(topic_name(0)) + len(topic_name(0)) - _TOPIC_DIGITS


def publish_head(port: int, token: str) -> str:
    """The head of ``POST /api/publish`` up to the number of bytes; that, and an empty line, complete it."""
    return (
        f"POST /api/publish HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )


def _subscribe(number: int, tab: Tab) -> str:
    topics = [topic_name(topic) for topic in range(tab.first, tab.first + tab.topics)]
    envelope = {"v": 1, "id": f"5ab5c21b-5d1e-4f00-8bad-{number:012x}", "topic": "system", "type": "subscribe"}
    return json.dumps(envelope | {"data": {"topics": topics}}, separators=(",", ":"))
