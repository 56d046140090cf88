"""The histogram: what falls into which bucket, and what a percentile read off it may be wrong by."""

from bisect import bisect_left
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.histogram import BOUNDS_S, Histogram, percentile

DURATIONS_S = st.floats(min_value=0.0, max_value=BOUNDS_S[-1])


def _of(*seconds: float) -> Histogram:
    histogram = Histogram()
    for one in seconds:
        histogram.observe(one)
    return histogram


def test_bounds_rise_from_ten_microseconds_to_seventy_seconds_by_at_most_five_thirds() -> None:
    assert (BOUNDS_S[0], BOUNDS_S[-1]) == (1e-5, 70.0)
    steps = [high / low for low, high in pairwise(BOUNDS_S)]
    assert min(steps) > 1
    assert max(steps) == pytest.approx(5 / 3)


@pytest.mark.parametrize(("seconds", "bucket"), [(0.0, 0), (1e-5, 0), (1.1e-5, 1), (70.0, -2), (70.1, -1), (1e9, -1)])
def test_a_bound_belongs_to_the_bucket_below_it_and_what_is_beyond_all_to_the_last(seconds: float, bucket: int) -> None:
    histogram = _of(seconds)
    assert histogram.counts[bucket] == 1
    assert sum(histogram.counts) == 1


@given(st.lists(st.tuples(DURATIONS_S, st.integers(1, 1000)), max_size=30))
def test_number_and_sum_are_exact(observed: list[tuple[float, int]]) -> None:
    histogram = Histogram()
    for seconds, times in observed:
        histogram.observe(seconds, times)
    assert histogram.count == sum(histogram.counts) == sum(times for _, times in observed)
    assert histogram.total_s == pytest.approx(sum(seconds * times for seconds, times in observed))


def test_many_at_once_are_as_many_one_by_one() -> None:
    at_once = Histogram()
    at_once.observe(0.25, 4)
    one_by_one = _of(0.25, 0.25, 0.25, 0.25)
    assert (at_once.counts, at_once.count, at_once.total_s) == (one_by_one.counts, one_by_one.count, one_by_one.total_s)


def test_of_nothing_there_is_no_percentile() -> None:
    assert percentile(Histogram().counts, 0.99) is None
    assert percentile([], 0.5) is None
    assert percentile(_of(1.0).counts, 0.0) is None


def test_within_a_bucket_observations_lie_evenly() -> None:
    counts = _of(*[0.0025] * 10).counts
    assert percentile(counts, 0.5) == pytest.approx(0.0025)
    assert percentile(counts, 1.0) == pytest.approx(0.003)
    assert percentile(counts, 0.1) == pytest.approx(0.0021)


def test_empty_buckets_between_are_jumped_over() -> None:
    counts = _of(*[0.001] * 98, 10.0, 10.0).counts
    assert percentile(counts, 0.98) == pytest.approx(0.001)
    assert percentile(counts, 0.99) == pytest.approx(8.5)


def test_what_is_beyond_all_bounds_counts_as_the_last() -> None:
    assert percentile(_of(1000.0, 2000.0).counts, 0.5) == 70.0
    assert percentile(_of(0.001, 2000.0).counts, 0.99) == 70.0


@given(st.lists(DURATIONS_S, min_size=1, max_size=200), st.sampled_from([0.5, 0.95, 0.99, 1.0]))
def test_a_percentile_never_leaves_the_bucket_that_the_true_one_is_in(observed: list[float], share: float) -> None:
    true = sorted(observed)[ceil(share * len(observed)) - 1]
    read = percentile(_of(*observed).counts, share)
    assert read is not None
    bucket = bisect_left(BOUNDS_S, true)
    low = BOUNDS_S[bucket - 1] if bucket else 0.0
    assert low <= read <= BOUNDS_S[bucket] * (1 + 1e-12)


@given(st.lists(DURATIONS_S, min_size=1, max_size=50))
def test_percentiles_rise_with_their_share(observed: list[float]) -> None:
    counts = _of(*observed).counts
    read = [percentile(counts, share) or 0.0 for share in (0.01, 0.5, 0.95, 0.99, 1.0)]
    assert read == sorted(read)
