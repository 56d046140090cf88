"""What Fanwire is meant to reach: every target of every question, in one table.

How a target is compared with what was measured: ``verdicts.py``.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["BEST_PEER", "TARGETS", "Target"]

Row = Mapping[str, Any]

# In the place of a limit: what the best other server has in the same setting, the bare send loop left out.
BEST_PEER = None


@dataclass(frozen=True, slots=True)
class Target:
    """``asks`` is the target in words; ``value`` (in ``unit``) of a row is compared with ``limit``, as ``sense`` says.

    Rows that have the values of ``where`` are judged, of those the ones with the greatest ``largest``. The worst of
    them decides, or the best where a capacity is asked for (``best_decides``). ``same`` are the fields that make a
    peer's row comparable. A target that ``is_timed`` is in doubt when something else used the cores; memory and CPU
    time are not.
    """

    question: str
    asks: str
    value: Callable[[Row], float | None]
    sense: Literal["at most", "below", "at least"]
    limit: float | None
    unit: str
    where: Mapping[str, Any] = field(default_factory=dict)
    largest: str | None = None
    same: tuple[str, ...] = ()
    best_decides: bool = False
    is_timed: bool = True


def _of(name: str) -> Callable[[Row], float | None]:
    return lambda row: row[name]


def _moved(row: Row) -> float | None:
    # More than 1 % never arrived: worse than any number.
    return math.inf if row["p99_ms"] is None else row["ratio"]


def _microseconds(name: str) -> Callable[[Row], float | None]:
    # None: more than half never arrived.
    return lambda row: math.inf if row[name] is None else row[name] * 1000


def _after_a_ping(row: Row) -> float | None:
    # A window too short for the heartbeat has not seen what that costs.
    return row["end_rss_kib"] if row["pings"] >= 1 else None


def _tokens_held(row: Row) -> float | None:
    return row["messages_per_s"] / row["topics"] if row["held"] else 0.0


def _fan_out(subscribers: int, outstanding: int) -> dict[str, Any]:
    return {"server": "fanwire", "subscribers": subscribers, "outstanding": outstanding}


def _below_the_floor(subscribers: int, outstanding: int, limit: float) -> Target:
    asks = f"CPU per delivery at {subscribers:,} subscribers with {outstanding} outstanding, by that of the floor"
    where = _fan_out(subscribers, outstanding)
    return Target("fan_out", asks, _of("ratio"), "at most", limit, "× floor", where, is_timed=False)


def _below_all_peers(outstanding: int) -> Target:
    asks = f"CPU per delivery at 1,000 subscribers with {outstanding} outstanding, by the cheapest peer"
    where, same = _fan_out(1000, outstanding), ("subscribers", "outstanding")
    return Target("fan_out", asks, _of("cpu_us"), "below", BEST_PEER, "µs", where, same=same, is_timed=False)


def _no_slower_than_peers(subscribers: int) -> Target:
    asks = f"p99 from publish to the last of {subscribers:,} subscribers, by the fastest peer"
    where, same = {"server": "fanwire", "subscribers": subscribers}, ("subscribers", "outstanding")
    return Target("fan_out", asks, _of("p99_ms"), "at most", BEST_PEER, "ms", where, same=same)


def _adds(bus: str) -> Target:
    asks = f"what {bus} adds to the median from publish to socket"
    where = {"kind": "latency", "bus": bus}
    return Target("scale_out", asks, _of("added_ms"), "at most", 1.0, "ms", where)


TARGETS = (
    _below_the_floor(1000, 1, 1.25),
    _below_the_floor(1000, 16, 0.45),
    _below_the_floor(5000, 16, 0.30),
    _below_all_peers(1),
    _below_all_peers(16),
    _no_slower_than_peers(1000),
    _no_slower_than_peers(10_000),
    Target(
        "slow_clients",
        "p99 of the healthy when 10 % of the subscribers stop reading, by that with nobody stalled",
        _moved,
        "below",
        1.20,
        "× baseline",
        {"server": "fanwire", "stalled_percent": 10},
    ),
    Target(
        "reconnect_storm",
        "clients live again, each with handshake, token, subscription and what it missed, per second and core",
        _of("live_per_s"),
        "at least",
        2500,
        "/s",
        largest="clients",
    ),
    Target(
        "reconnect_storm",
        "memory per idle connection, with what the storm left behind",
        _of("rss_kib"),
        "at most",
        20,
        "KiB",
        largest="clients",
        is_timed=False,
    ),
    Target(
        "reconnect_storm",
        "CPU time of a disconnect at the largest size, by that at the smallest",
        _of("growth"),
        "at most",
        1.5,
        "×",
        largest="clients",
        is_timed=False,
    ),
    _adds("redis"),
    _adds("nats"),
    Target(
        "ops_cost",
        "an open ops page, share of one core",
        lambda row: row["cost"] * 100,
        "below",
        1.0,
        "%",
        is_timed=False,
    ),
    Target(
        "idle_memory",
        "resident memory per idle connection, once each was pinged",
        _after_a_ping,
        "at most",
        16,
        "KiB",
        {"server": "fanwire"},
        largest="connections",
        is_timed=False,
    ),
    Target(
        "publish_throughput",
        "messages published over HTTP, one in a request",
        _of("messages_per_s"),
        "at least",
        4000,
        "/s",
        {"kind": "publish", "batch": 1},
        best_decides=True,
    ),
    Target(
        "publish_throughput",
        "messages published over HTTP, in batches",
        lambda row: row["messages_per_s"] if row["batch"] > 1 else None,
        "at least",
        50_000,
        "/s",
        {"kind": "publish"},
        best_decides=True,
    ),
    Target(
        "publish_throughput",
        "median from publish to socket at an idle gateway",
        _microseconds("p50_ms"),
        "at most",
        200,
        "µs",
        {"kind": "idle"},
    ),
    Target(
        "token_stream",
        "tokens a second of each of 1,000 streams, to 3,000 tabs on one core, without falling behind",
        _tokens_held,
        "at least",
        50,
        "/s",
        {"tabs": 3000, "topics": 1000},
        best_decides=True,
    ),
)
