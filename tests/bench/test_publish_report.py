"""bench.publish_report: targets are judged by the best way of publishing, single and in batches apart."""

from dataclasses import replace

import pytest
from bench_cells import STREAM_CELL

from bench.publish_cells import PublishCell
from bench.publish_report import QUESTION, of_kind, render_publishing, summarise_publishing
from bench.publish_throughput import settings_of
from bench.question import Values
from bench.stream_cells import StreamCell
from bench.verdicts import render_verdicts

CELL = PublishCell(
    round=1,
    batch=1,
    in_flight=8,
    subscribers=0,
    messages=12_000,
    refused=0,
    messages_per_s=4000.0,
    cpu_us=250.0,
    answer_p50_ms=2.0,
    answer_p99_ms=4.0,
    arrival_p50_ms=None,
    arrival_p99_ms=None,
    server_busy=0.99,
    server_waited=0.0,
    generator_busy=0.1,
)
BATCHED = replace(CELL, batch=100, messages_per_s=50_000.0, cpu_us=20.0)


def _verdicts(cells: list[PublishCell], idle: list[StreamCell]) -> str:
    return render_verdicts("publish_throughput", _rows(cells, idle))


def _rows(cells: list[PublishCell], idle: list[StreamCell]) -> list[Values]:
    return QUESTION.summarise([*of_kind("publish", cells), *of_kind("idle", idle)])


@pytest.mark.parametrize(("per_s", "verdict"), [(4000.0, "met"), (3999.0, "MISSED")])
def test_single_messages_are_judged_by_the_best_way(per_s: float, verdict: str) -> None:
    slower = replace(CELL, in_flight=1, messages_per_s=100.0, cpu_us=400.0)
    said = _verdicts([slower, replace(CELL, messages_per_s=per_s), BATCHED], [])
    assert f"one in a request: {per_s:,.0f} /s, wanted at least 4,000 /s: {verdict}" in said


@pytest.mark.parametrize(("per_s", "verdict"), [(50_000.0, "met"), (49_999.0, "MISSED")])
def test_batches_are_judged_apart(per_s: float, verdict: str) -> None:
    said = _verdicts([CELL, replace(BATCHED, messages_per_s=per_s)], [])
    assert f"in batches: {per_s:,.0f} /s, wanted at least 50,000 /s: {verdict}" in said


@pytest.mark.parametrize(("p50_ms", "verdict"), [(0.2, "met"), (0.21, "MISSED")])
def test_an_idle_gateway_is_judged_by_the_median_of_its_rounds(p50_ms: float, verdict: str) -> None:
    rounds = [replace(STREAM_CELL, p50_ms=each) for each in (0.1, p50_ms, None)]
    assert f"{p50_ms * 1000:g} µs, wanted at most 200 µs: {verdict}" in _verdicts([CELL], rounds)
    assert f"{p50_ms:.2f} ms in the median, p99 8.00 ms" in QUESTION.render(_rows([CELL], rounds))


def test_what_was_not_measured_has_no_verdict() -> None:
    said = _verdicts([CELL], [])
    assert "in batches: –" in said
    assert "idle gateway: –" in said


def test_refused_messages_and_doubts_are_said() -> None:
    doubtful = replace(CELL, refused=7, generator_busy=0.95, server_waited=0.2)
    text = render_publishing(summarise_publishing([doubtful]))
    assert "7 messages were refused" in text
    assert "met (*) (!)" in _verdicts([doubtful], [])
    assert "(*) load generator limited" in text
    assert "(!) in some round something else ran" in text


def test_arrivals_have_a_median_only_where_there_is_a_subscriber() -> None:
    subscribed = replace(CELL, subscribers=1, arrival_p50_ms=0.5, arrival_p99_ms=0.9)
    alone, having = summarise_publishing([subscribed, CELL])
    assert (alone.arrival_p50_ms, having.arrival_p50_ms) == (None, 0.5)


def test_every_way_is_measured_without_a_subscriber_and_with_one() -> None:
    ways = [(way.subscribers, way.batch, way.in_flight) for way in settings_of([1, 8], [100], [0, 1])]
    assert ways == [(count, *way) for count in (0, 1) for way in [(1, 1), (1, 8), (100, 1), (100, 4)]]
