"""One line when flushes stop getting through, one when they do again."""

from server.metrics.statsd_health import CALM_S, Change, Health


def test_only_the_first_loss_is_a_change() -> None:
    health = Health()
    assert [health.got_through(0.0), health.lost(1.0), health.lost(2.0)] == [None, Change.WENT_WRONG, None]


def test_it_works_again_after_some_seconds_without_a_loss() -> None:
    health = Health()
    health.lost(0.0)
    assert health.got_through(CALM_S - 0.1) is None
    assert health.got_through(CALM_S) is Change.WORKS_AGAIN
    assert health.got_through(CALM_S + 1.0) is None


def test_losing_every_other_flush_is_one_trouble() -> None:
    health = Health()
    changes = [health.lost(float(second)) if second % 2 else health.got_through(float(second)) for second in range(60)]
    assert [change for change in changes if change] == [Change.WENT_WRONG]


def test_what_went_wrong_again_is_told_again() -> None:
    health = Health()
    changes = [health.lost(0.0), health.got_through(9.0), health.lost(10.0)]
    assert changes == [Change.WENT_WRONG, Change.WORKS_AGAIN, Change.WENT_WRONG]
