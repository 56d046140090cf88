"""When to restart, how long to wait, and when to give up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.restart import Backoff, Intensity, Restart, RestartLog


@pytest.mark.parametrize(
    ("restart", "after_failure", "after_end"),
    [(Restart.PERMANENT, True, True), (Restart.TRANSIENT, True, False), (Restart.TEMPORARY, False, False)],
)
def test_the_three_restart_types_are_those_of_otp(restart: Restart, after_failure: bool, after_end: bool) -> None:
    assert restart.wants(failed=True) is after_failure
    assert restart.wants(failed=False) is after_end


def test_more_than_the_allowed_restarts_within_the_period_are_one_too_many() -> None:
    log = RestartLog(Intensity(restarts=3, period_s=5.0))
    assert [log.record(now) for now in (0.0, 1.0, 2.0, 3.0)] == [True, True, True, False]


def test_restarts_older_than_the_period_do_not_count() -> None:
    log = RestartLog(Intensity(restarts=2, period_s=5.0))
    assert [log.record(now) for now in (0.0, 4.0, 5.5, 8.0)] == [True, True, True, False]
    assert log.recent == 3


def test_an_intensity_of_none_gives_up_at_once() -> None:
    assert not RestartLog(Intensity(restarts=0, period_s=5.0)).record(0.0)


@given(st.integers(0, 4), st.lists(st.integers(0, 3), max_size=30))
def test_the_log_agrees_with_counting_all_restarts_within_the_period(allowed: int, waits: list[int]) -> None:
    log, times, now = RestartLog(Intensity(allowed, 5.0)), [], 0.0
    for wait in waits:
        now += wait
        times.append(now)
        within = [then for then in times if then >= now - 5.0]
        assert log.record(now) is (len(within) <= allowed)
        assert log.recent == min(len(within), allowed + 1)


def test_the_first_restart_does_not_wait() -> None:
    assert Backoff().delay_s(0, lambda: 0.999) == 0.0


def test_the_bound_doubles_up_to_its_cap() -> None:
    backoff = Backoff(base_s=0.05, cap_s=1.0)
    assert [backoff.delay_s(n, lambda: 1.0) for n in range(1, 7)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_anywhere_below_its_bound(restarts: int, chance: float) -> None:
    delay = Backoff(base_s=0.05, cap_s=1.0).delay_s(restarts, lambda: chance)
    assert 0.0 <= delay < 1.0
    assert delay == chance * min(1.0, 0.05 * 2.0 ** min(restarts, 32))
