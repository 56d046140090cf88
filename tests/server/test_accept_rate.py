"""The best second lately: found, remembered for ten minutes, and in bounded memory."""

import random

from hypothesis import given
from hypothesis import strategies as st

from server.accept_rate import RECENT_S, AcceptRate


def test_nothing_was_measured_at_first() -> None:
    assert AcceptRate().best_per_s(1000.0) == 0


def test_the_best_second_counts_not_the_last_one() -> None:
    rate = AcceptRate()
    for now in (10.0, 10.1, 10.9, 11.0, 500.0):
        rate.note(now)
    assert rate.best_per_s(500.5) == 3


def test_the_second_under_way_counts() -> None:
    rate = AcceptRate()
    for _ in range(4):
        rate.note(7.5)
    assert rate.best_per_s(7.6) == 4


def test_a_storm_of_long_ago_is_forgotten() -> None:
    rate = AcceptRate()
    for _ in range(100):
        rate.note(1.5)
    rate.note(300.0)
    assert rate.best_per_s(1.0 + RECENT_S) == 100
    assert rate.best_per_s(2.0 + RECENT_S) == 1
    assert rate.best_per_s(301.0 + RECENT_S) == 0


@given(st.lists(st.integers(0, 3000), max_size=300).map(sorted))
def test_it_is_the_greatest_count_of_any_recent_second(seconds: list[int]) -> None:
    rate = AcceptRate()
    for second in seconds:
        rate.note(second + 0.5)
    now = seconds[-1] if seconds else 0
    recent = [second for second in seconds if second >= now - RECENT_S]
    assert rate.best_per_s(now) == max((recent.count(second) for second in recent), default=0)


def test_a_year_of_connections_takes_no_more_room_than_ten_minutes_of_them() -> None:
    rate, chance = AcceptRate(), random.Random(7)
    for second in range(5 * RECENT_S):
        for _ in range(chance.randrange(1, 4)):
            rate.note(float(second))
    assert len(rate._peaks) <= RECENT_S + 1
