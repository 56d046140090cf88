"""The token bucket against plain counting."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.rate import TokenBucket


def test_a_seconds_worth_may_come_at_once_and_no_more() -> None:
    bucket = TokenBucket(5.0, now=0.0)
    assert [bucket.take(0.0) for _ in range(6)] == [True] * 5 + [False]


def test_one_more_is_taken_after_exactly_the_wait_it_names() -> None:
    bucket = TokenBucket(4.0, now=0.0)
    while bucket.take(0.0):
        pass
    assert bucket.wait_s() == 0.25
    assert not bucket.take(0.2)
    assert bucket.wait_s() == pytest.approx(0.05)
    assert bucket.take(0.25)


def test_rest_is_not_saved_up_beyond_a_second() -> None:
    bucket = TokenBucket(2.0, now=0.0)
    assert [bucket.take(3_600.0) for _ in range(3)] == [True, True, False]


def test_less_than_one_a_second_still_lets_one_through() -> None:
    bucket = TokenBucket(0.5, now=0.0)
    assert bucket.take(0.0)
    assert not bucket.take(1.0)
    assert bucket.take(2.0)


def test_more_than_a_full_bucket_at_once_is_let_through_and_paid_for() -> None:
    bucket = TokenBucket(10.0, now=0.0)
    assert bucket.take(0.0, 30)
    assert bucket.wait_s() == pytest.approx(2.1)
    assert not bucket.take(2.0)
    assert bucket.take(2.5)


def test_what_is_too_much_is_not_taken_in_part() -> None:
    bucket = TokenBucket(10.0, now=0.0)
    assert bucket.take(0.0, 6)
    assert not bucket.take(0.0, 5)
    assert bucket.take(0.0, 4)


@given(st.sampled_from([1.0, 2.0, 8.0]), st.lists(st.integers(0, 64), max_size=60))
def test_no_second_and_no_hour_sees_more_than_its_rate(per_s: float, waits: list[int]) -> None:
    bucket, now, taken = TokenBucket(per_s, now=0.0), 0.0, []
    for wait in waits:
        now += wait / 64  # exact in binary, so that the model may count exactly
        if bucket.take(now):
            taken.append(now)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= per_s + (taken[last] - start) * per_s
