"""bench.idle_report: the target is Fanwire's, at the largest size, once everybody was pinged."""

from dataclasses import asdict, replace

import pytest
from bench_cells import IDLE_CELL as CELL

from bench.idle_cells import IdleCell
from bench.idle_report import QUESTION, render_idle, summarise_idle
from bench.verdicts import render_verdicts

FEW = replace(CELL, connections=1000, end_rss_kib=99.0)
OTHER = replace(CELL, server="websockets", idle_s=0.0, pings=0.0, end_rss_kib=50.0)


def _verdict(*cells: IdleCell) -> str:
    return render_verdicts("idle_memory", QUESTION.summarise([asdict(cell) for cell in cells]))


@pytest.mark.parametrize(("kib", "verdict"), [(16.0, "met"), (16.1, "MISSED")])
def test_the_largest_number_of_connections_is_judged_at_the_end(kib: float, verdict: str) -> None:
    assert f"{kib:g} KiB, wanted at most 16 KiB: {verdict}" in _verdict(FEW, OTHER, replace(CELL, end_rss_kib=kib))


def test_a_window_too_short_for_the_heartbeat_has_no_verdict() -> None:
    assert "no verdict" in _verdict(replace(CELL, pings=0.9, end_rss_kib=15.0))


def test_a_server_without_a_heartbeat_shows_none() -> None:
    assert render_idle(summarise_idle([OTHER])).splitlines()[2].count(" - |") == 4
    assert "no verdict" in _verdict(OTHER)


def test_rows_go_from_few_to_many_in_the_order_of_the_servers() -> None:
    rows = summarise_idle([CELL, OTHER, FEW, replace(FEW, round=2, rss_kib=17.0)])
    assert [(row.connections, row.server) for row in rows] == [
        (1000, "fanwire"),
        (10_000, "fanwire"),
        (10_000, "websockets"),
    ]
    assert rows[0].rss_kib == 16.0
