"""Admission counts connections in all, per address and per user, and forgets those that left."""

import asyncio

import pytest

from actors.protocol.codes import CloseCode
from server.admission import Admission, Refused
from server.config import LimitsConfig

LIMITS = LimitsConfig(connections=4, connections_per_user=2, connections_per_ip=3)


def _admission() -> Admission:
    return Admission(LIMITS)


def test_below_every_limit_nothing_is_refused() -> None:
    admission = _admission()
    admission.enter("10.0.0.1", "ada")
    assert admission.look("10.0.0.1") is None
    assert admission.look("10.0.0.1", "ada") is None


def test_each_limit_refuses_with_its_own_codes_and_names_itself() -> None:
    admission = _admission()
    for _ in range(2):
        admission.enter("10.0.0.1", "ada")
    _is(admission.look("10.0.0.1", "ada"), 429, CloseCode.TOO_MANY, "limits.connections_per_user: at most 2")
    admission.enter("10.0.0.1", "bob")
    _is(admission.look("10.0.0.1", "eve"), 429, CloseCode.TOO_MANY, "limits.connections_per_ip: at most 3")
    assert admission.look("10.0.0.2", "eve") is None
    admission.enter("10.0.0.2", "eve")
    _is(admission.look("10.0.0.3", "kim"), 503, CloseCode.TRY_AGAIN_LATER, "limits.connections: 4 are open already")


def _is(refused: Refused | None, status: int, close_code: CloseCode, message: str) -> None:
    assert refused is not None
    assert (refused.status, refused.close_code, refused.message) == (status, close_code, message)
    assert refused.close_reason == f"{message}; retry_after=5"


def test_before_a_user_is_known_their_limit_is_not_looked_at() -> None:
    admission = _admission()
    for _ in range(2):
        admission.enter("10.0.0.1", "ada")
    assert admission.look("10.0.0.2") is None


def test_who_leaves_makes_room_for_another() -> None:
    admission = _admission()
    leaves = [admission.enter("10.0.0.1", "ada") for _ in range(2)]
    assert admission.look("10.0.0.1", "ada") is not None
    leaves[0]()
    assert admission.look("10.0.0.1", "ada") is None
    assert admission.connections == 1


def test_nothing_is_remembered_of_those_who_left() -> None:
    admission = _admission()
    for n in range(3):
        admission.enter(f"10.0.0.{n}", f"user {n}")()
    admission.look("10.0.0.9", "somebody")
    assert (admission.connections, len(admission._addresses), len(admission._users)) == (0, 0, 0)


def test_a_draining_gateway_lets_nobody_in() -> None:
    admission = _admission()
    admission.draining = True
    refused = admission.look("10.0.0.1")
    assert refused is not None
    assert (refused.status, refused.close_code) == (503, CloseCode.TRY_AGAIN_LATER)


def test_a_refusal_without_a_wait_has_its_message_as_the_reason() -> None:
    assert Refused(403, "forbidden", CloseCode.ORIGIN_FORBIDDEN, "no").close_reason == "no"


@pytest.mark.gen_test
async def test_waiting_until_empty_ends_with_the_last_connection() -> None:
    admission = _admission()
    await admission.until_empty()
    leaves = [admission.enter("10.0.0.1", "ada") for _ in range(2)]
    waiting = asyncio.ensure_future(admission.until_empty())
    leaves[0]()
    await asyncio.sleep(0)
    assert not waiting.done()
    leaves[1]()
    async with asyncio.timeout(1):
        await waiting
