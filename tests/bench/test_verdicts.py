"""bench.verdicts and bench.targets: what is met, by how much it is missed, and what is not said."""

from dataclasses import replace
from typing import Any

import pytest

from bench.targets import BEST_PEER, TARGETS, Target
from bench.verdicts import judge, render_verdicts, verdicts_of

RATIO = Target("q", "a ratio", lambda row: row["ratio"], "at most", 1.25, "×", {"server": "fanwire"})
RATE = Target("q", "a rate", lambda row: row["per_s"], "at least", 4000, "/s", best_decides=True)
PEERS = Target("q", "a time", lambda row: row["ms"], "below", BEST_PEER, "ms", {"server": "fanwire"}, same=("size",))


def _row(server: str, size: int, ms: float | None) -> dict[str, Any]:
    return {"server": server, "size": size, "ms": ms}


@pytest.mark.parametrize(
    ("ratio", "result"),
    [(1.25, "met"), (1.2501, "MISSED by 0.0%"), (1.5, "MISSED by 20%"), (None, "no verdict: not in this run")],
)
def test_a_limit_is_met_up_to_its_value_and_missed_by_a_share_of_it(ratio: float | None, result: str) -> None:
    assert judge(RATIO, [{"server": "fanwire", "ratio": ratio}]).result == result


def test_below_a_limit_is_not_at_it() -> None:
    below = replace(RATIO, sense="below")
    assert [judge(below, [{"server": "fanwire", "ratio": ratio}]).is_met for ratio in (1.24, 1.25)] == [True, False]


def test_the_worst_row_decides_unless_a_capacity_is_asked_for() -> None:
    ratios = [{"server": "fanwire", "ratio": ratio} for ratio in (1.0, 2.0, 1.1)]
    assert judge(RATIO, ratios).value == 2.0
    assert judge(RATE, [{"per_s": rate} for rate in (1000, 5000, 2000)]).result == "met"


def test_a_rate_that_is_too_low_is_missed_by_what_is_missing() -> None:
    assert judge(RATE, [{"per_s": 3000}]).result == "MISSED by 25%"


def test_the_best_peer_of_the_same_setting_is_the_limit_and_is_named() -> None:
    rows = [
        _row("floor", 1, 0.1),
        _row("fanwire", 1, 3.0),
        _row("ws", 1, 4.0),
        _row("tornado", 1, 5.0),
        _row("ws", 2, 1.0),
        _row("dead", 1, None),
    ]
    verdict = judge(PEERS, rows)
    assert (verdict.limit, verdict.peer, verdict.result) == (4.0, "ws", "met")
    assert verdict.wanted == "below 4 ms (ws)"


def test_without_a_peer_in_the_same_setting_there_is_no_verdict() -> None:
    assert judge(PEERS, [_row("fanwire", 1, 3.0), _row("ws", 2, 1.0)]).is_met is None


def test_only_the_largest_is_judged_where_a_target_says_so() -> None:
    largest = replace(RATE, largest="size", best_decides=False)
    assert judge(largest, [{"size": 10, "per_s": 1}, {"size": 100, "per_s": 5000}]).result == "met"


def test_a_time_is_in_doubt_when_the_cores_were_shared_and_memory_is_not() -> None:
    row = {"server": "fanwire", "ratio": 1.0, "disturbed": True, "baseline_disturbed": True, "generator_limited": True}
    assert judge(RATIO, [row]).result == "met (*) (!)"
    assert judge(replace(RATIO, is_timed=False), [row]).result == "met"


@pytest.mark.parametrize("question", sorted({target.question for target in TARGETS}))
def test_every_target_is_told_when_nothing_is_known(question: str) -> None:
    text = render_verdicts(question, [])
    assert text.count("no verdict") == len(verdicts_of(question, [])) > 0


@pytest.mark.parametrize(("tokens", "held", "is_met"), [(50, True, True), (49, True, False), (60, False, False)])
def test_a_rate_of_tokens_counts_only_when_it_was_held(tokens: int, held: bool, is_met: bool) -> None:
    row = {"tabs": 3000, "topics": 1000, "messages_per_s": tokens * 1000, "held": held}
    (verdict,) = verdicts_of("token_stream", [row])
    assert verdict.is_met is is_met
