"""Cells as the bench programs measure them, for tests of what is made of them."""

from bench.idle_cells import IdleCell
from bench.stream_cells import StreamCell

__all__ = ["IDLE_CELL", "STREAM_CELL"]

STREAM_CELL = StreamCell(
    round=1,
    topics=1000,
    tabs=2000,
    messages_per_s=10_000,
    messages=100_000,
    due=200_000,
    missing=0,
    disordered=0,
    refused=0,
    unsent=0,
    tabs_ended=0,
    p50_ms=2.0,
    p99_ms=8.0,
    max_ms=20.0,
    quarters_ms=[2.0, 2.0, 2.0, 2.0],
    tail_s=0.0,
    message_cpu_us=40.0,
    delivery_cpu_us=20.0,
    tab_kib=15.0,
    topic_kib=4.0,
    history_kib=3.0,
    server_busy=0.4,
    server_waited=0.0,
    generator_busy=0.1,
    generator_late_ms=0.2,
)

IDLE_CELL = IdleCell(
    round=1,
    server="fanwire",
    connections=10_000,
    rss_kib=15.0,
    pss_kib=14.9,
    end_rss_kib=16.0,
    end_pss_kib=15.9,
    idle_s=35.0,
    pings=1.1,
    idle_busy=0.02,
    connects_per_s=2000.0,
)
