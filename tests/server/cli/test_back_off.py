"""Which closes are worth coming back from, and after how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.cli.back_off import CEILING_S, ComeBack, StayAway, after_close, full_jitter_s
from server.cli.exit_codes import ExitCode


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_never_zero_and_never_above_the_ceiling(attempt: int, random: float) -> None:
    assert 0 < full_jitter_s(attempt, random) <= CEILING_S


def test_the_window_doubles_with_every_attempt() -> None:
    windows = [full_jitter_s(attempt, 0.5) - full_jitter_s(attempt, 0.0) for attempt in range(4)]
    assert windows == [0.25, 0.5, 1.0, 2.0]


@pytest.mark.parametrize("code", [None, 1006, 1011, 1012, 1013, 4408, 4429, 4509, 4510, 4599])
def test_what_may_pass_is_worth_coming_back(code: int | None) -> None:
    assert isinstance(after_close(code, "", 1, 0.5), ComeBack)


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [(4401, ExitCode.DENIED), (4403, ExitCode.DENIED), (4400, ExitCode.USAGE), (1009, ExitCode.USAGE)],
)
def test_what_somebody_has_to_change_ends_the_command(code: int, exit_code: ExitCode) -> None:
    assert after_close(code, "", 0, 0.5) == StayAway(exit_code)


def test_a_slow_consumer_comes_back_at_once_but_not_in_a_circle() -> None:
    assert after_close(4509, "", 0, 0.5) == ComeBack(0.0)
    assert after_close(4509, "", 1, 0.5) == ComeBack(full_jitter_s(1, 0.5))


def test_a_limit_is_waited_out_as_long_as_its_reason_says() -> None:
    decision = after_close(4429, "too many connections; retry_after=7", 0, 0.0)
    assert isinstance(decision, ComeBack)
    assert decision.delay_s >= 7.0
