"""How many publishes may wait for a bus at once, and what becomes of those beyond."""

import asyncio
from typing import Any

import pytest

import server.bus.under_way as under_way
from actors.ports import BusUnavailable
from server.bus.under_way import UnderWay

Answer = asyncio.Future[Any]


def waiting(publishes: UnderWay, *sizes: int) -> list[Answer]:
    answers: list[Answer] = [asyncio.get_running_loop().create_future() for _ in sizes]
    for answer, size in zip(answers, sizes, strict=True):
        publishes.admit(size)
        publishes.add(answer, size)
    return answers


@pytest.mark.gen_test
async def test_only_so_many_publishes_wait_and_the_next_one_is_told_for_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "MAX_PUBLISHES", 3)
    publishes = UnderWay("the store")
    waiting(publishes, 1, 1, 1)
    with pytest.raises(BusUnavailable, match="too many messages wait for the store") as why:
        publishes.admit(1)
    assert why.value.retry_after_s == 1


@pytest.mark.gen_test
async def test_only_so_many_bytes_wait_and_what_fits_beside_them_is_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "MAX_PUBLISH_BYTES", 100)
    publishes = UnderWay("the store")
    waiting(publishes, 60, 30)
    with pytest.raises(BusUnavailable, match="too many"):
        publishes.admit(11)
    waiting(publishes, 10)


@pytest.mark.gen_test
async def test_an_answer_a_refusal_and_a_publisher_that_has_gone_all_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "MAX_PUBLISHES", 3)
    monkeypatch.setattr(under_way, "MAX_PUBLISH_BYTES", 60)
    publishes = UnderWay("the store")
    for _ in range(2):  # what one round leaves behind the next one would notice
        answered, refused, gone = answers = waiting(publishes, 10, 20, 30)
        answered.set_result(1)
        refused.set_exception(BusUnavailable("no", 1))
        gone.cancel()
        await asyncio.wait(answers)
        assert isinstance(refused.exception(), BusUnavailable)


@pytest.mark.gen_test
async def test_who_was_only_admitted_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(under_way, "MAX_PUBLISHES", 1)
    publishes = UnderWay("the store")
    publishes.admit(1)
    publishes.admit(1)
