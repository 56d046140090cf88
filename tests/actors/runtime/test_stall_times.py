"""When a stall is told, again, and over; and what is excused."""

import itertools

import pytest

from actors.runtime.stall_times import LONGEST_PAUSE_S, Stall, StallTimes

CHECK_S = 0.05
STALL_S = 0.5


class Times:
    """StallTimes and what it is told: time passes, the CPU is used or not, and the heart beats or does not."""

    def __init__(self) -> None:
        self.now_s = self.cpu_s = self.beat_s = 100.0
        self.times = StallTimes(self.now_s, self.cpu_s, check_s=CHECK_S, stall_s=STALL_S, repeat_s=1.0)

    def pass_by(self, seconds: float, *, beating: bool = False) -> list[Stall]:
        """Look every CHECK_S, on time."""
        looks = [self.look(CHECK_S, beating=beating) for _ in range(round(seconds / CHECK_S))]
        return [stall for stall in looks if stall is not None]

    def look(self, after_s: float, *, cpu_s: float = 0.0, beating: bool = False) -> Stall | None:
        self.now_s += after_s
        self.cpu_s += cpu_s
        if beating:
            self.beat_s = self.now_s
        return self.times.look(self.now_s, self.cpu_s, self.beat_s)


def rounded(stalls: list[Stall]) -> list[tuple[float, int, bool]]:
    return [(round(stall.for_s, 2), stall.told, stall.over) for stall in stalls]


def test_nothing_is_told_of_a_loop_that_beats() -> None:
    assert Times().pass_by(60.0, beating=True) == []


def test_a_stall_is_told_once_when_it_lasts_as_long_as_the_bound() -> None:
    times = Times()
    assert times.pass_by(STALL_S - CHECK_S) == []
    [stall] = times.pass_by(0.9)
    assert (stall.told, stall.over) == (1, False)
    assert STALL_S <= stall.for_s <= STALL_S + 2 * CHECK_S


def test_a_long_stall_is_told_again_after_pauses_that_double() -> None:
    told = [stall.for_s for stall in Times().pass_by(20.0)]
    pauses = [later - earlier for earlier, later in itertools.pairwise(told)]
    assert pauses == pytest.approx([1.0, 2.0, 4.0, 8.0], abs=2 * CHECK_S)


def test_an_endless_stall_is_told_about_once_a_minute() -> None:
    told = [stall.for_s for stall in Times().pass_by(600.0)]
    assert told[-1] - told[-2] == pytest.approx(LONGEST_PAUSE_S, abs=2 * CHECK_S)
    assert [stall.told for stall in Times().pass_by(600.0)] == list(range(1, len(told) + 1))


def test_the_end_of_a_stall_says_how_long_it_took() -> None:
    times = Times()
    times.pass_by(3.0)
    assert rounded(times.pass_by(1.0, beating=True)) == [(3.05, 2, True)]


def test_the_end_of_a_stall_that_was_not_told_is_not_told_either() -> None:
    times = Times()
    assert times.pass_by(STALL_S - CHECK_S) + times.pass_by(1.0, beating=True) == []


def test_the_next_stall_is_told_like_the_first() -> None:
    times = Times()
    first = times.pass_by(8.0)
    times.pass_by(1.0, beating=True)
    assert rounded(times.pass_by(8.0)) == rounded(first)


@pytest.mark.parametrize("heart", ["beats before the watchdog looks", "beats after it has looked"])
def test_a_process_that_was_suspended_has_not_stalled(heart: str) -> None:
    times = Times()
    times.pass_by(1.0, beating=True)
    late = times.look(30.0, beating=heart.startswith("beats before"))
    assert [late, *times.pass_by(0.2), *times.pass_by(1.0, beating=True)] == [None]


def test_a_heartbeat_just_before_the_suspension_that_nobody_saw_makes_no_stall() -> None:
    times = Times()
    times.pass_by(1.0, beating=True)
    times.beat_s = times.now_s + 0.01
    assert [times.look(30.0), *times.pass_by(0.2)] == [None]


def test_a_stall_after_a_suspension_is_told_as_soon_as_any_other() -> None:
    times = Times()
    times.pass_by(1.0, beating=True)
    times.look(30.0, beating=True)
    [stall] = times.pass_by(STALL_S + 2 * CHECK_S)
    assert stall.for_s < STALL_S + 2 * CHECK_S


def test_a_suspension_in_the_middle_of_a_stall_is_not_counted() -> None:
    times = Times()
    times.pass_by(1.0)
    assert times.look(30.0) is None
    assert rounded(times.pass_by(0.1, beating=True)) == [(1.1, 1, True)]


def test_a_look_that_is_late_while_the_cpu_was_busy_tells_a_stall() -> None:
    times = Times()
    times.pass_by(0.1)
    assert rounded([stall for stall in [times.look(3.0, cpu_s=2.9)] if stall]) == [(3.1, 1, False)]
