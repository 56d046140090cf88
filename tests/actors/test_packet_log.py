"""The packet log: whose hops are told, and what a line says."""

import logging
from typing import Any

import pytest

from actors.packet_log import MAX_FOLLOWED_PER_S, SAMPLE_ONE_IN, PacketLog
from actors.protocol.envelope import TopicName, TraceId, new_trace_id


def test_nobodys_or_everyones_hops_are_told() -> None:
    ids = [new_trace_id() for _ in range(200)]
    assert not any(PacketLog("none").tells(each) for each in ids)
    assert all(PacketLog("all").tells(each) for each in ids)


def test_a_sample_is_one_in_a_hundred_and_the_same_for_every_worker() -> None:
    ids = [new_trace_id() for _ in range(20_000)]
    here = {each for each in ids if PacketLog("sampled").tells(each)}
    there = {each for each in ids if PacketLog("sampled").tells(each)}
    assert here == there
    assert 100 < len(here) < 320, "about 200 were to be expected"  # beyond seven standard deviations


@pytest.mark.parametrize(
    ("number", "is_told"), [(0, True), (SAMPLE_ONE_IN, True), (SAMPLE_ONE_IN - 1, False), (1, False)]
)
def test_the_id_alone_decides(number: int, is_told: bool) -> None:
    assert PacketLog("sampled").tells(TraceId(f"{number:08x}-4ad2-4f7e-9c0d-0d9a3ad0c001")) is is_told


def test_of_a_sample_only_so_many_messages_a_second_are_followed() -> None:
    """Publishers choose ids: whoever puts all of them into the sample must not cost everyone the short cut."""
    log = PacketLog("sampled")
    chosen = TraceId("00000000-4ad2-4f7e-9c0d-0d9a3ad0c001")
    assert sum(log.follows(chosen, now=0.0) for _ in range(1000)) == MAX_FOLLOWED_PER_S
    assert sum(log.follows(chosen, now=0.5) for _ in range(1000)) == MAX_FOLLOWED_PER_S / 2


def test_whoever_wants_all_gets_all() -> None:
    log = PacketLog("all")
    assert all(log.follows(new_trace_id(), now=0.0) for _ in range(1000))


def test_a_line_has_the_hop_the_trace_id_the_topic_and_whatever_more_there_is(caplog: Any) -> None:
    caplog.set_level(logging.INFO, "fanwire.packets")
    PacketLog("all").tell("written", TraceId("an id"), TopicName("t"), seq=7, client="somebody")
    [line] = [vars(record) for record in caplog.records]
    expected: dict[str, object] = {
        "name": "fanwire.packets",
        "levelname": "INFO",
        "message": "written",
        "trace_id": "an id",
        "topic": "t",
    }
    expected |= {"seq": 7, "client": "somebody"}
    assert {name: line[name] for name in expected} == expected
