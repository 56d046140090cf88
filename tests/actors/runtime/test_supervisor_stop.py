"""The supervisor stops its children: in reverse order, for good, and within a time."""

import asyncio
from typing import Any

import pytest
from loop_turns import turns, until
from supervised import Child, Tree

from actors.runtime.restart import Restart


@pytest.fixture(autouse=True)
def _failures_are_meant(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")


@pytest.mark.gen_test
async def test_children_are_stopped_in_reverse_order() -> None:
    tree = Tree()
    story: list[str] = []
    children = [Child(name, story) for name in ("a", "b", "c")]
    for child in children:
        tree.supervisor.start_child(child.spec())
    await children[2].until_started(1)
    story.clear()
    await tree.supervisor.shut_down()
    assert story == ["c stop", "c ended", "b stop", "b ended", "a stop", "a ended"]
    assert len(tree.supervisor) == 0


@pytest.mark.gen_test
async def test_a_stopped_child_is_not_started_again_whatever_its_restart_type() -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec(Restart.PERMANENT))
    await child.until_started(1)
    assert await tree.supervisor.stop_child("a", timeout_s=5.0)
    await turns()
    assert len(child.built) == 1


@pytest.mark.gen_test
async def test_a_child_stopped_during_its_back_off_stays_down() -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec())
    child.fail()
    child.fail()
    await until(lambda: tree.clock.waiting)
    assert await tree.supervisor.stop_child("a", timeout_s=5.0)
    tree.clock.advance(10.0)
    await turns()
    assert len(child.built) == 2
    assert child.story[-1] == "a ended"


@pytest.mark.gen_test
async def test_stopping_what_is_not_there_is_no_error() -> None:
    assert await Tree().supervisor.stop_child("nobody", timeout_s=0.0)


async def _stop_one_that_hangs(tree: Tree, child: Child, gate: asyncio.Future[None]) -> bool:
    tree.supervisor.start_child(child.spec())
    child.mailbox.offer(lambda: gate)
    await child.until_started(1)
    await turns()
    return await tree.supervisor.stop_child("a", timeout_s=0.01)


@pytest.mark.gen_test
async def test_a_child_that_does_not_stop_in_time_is_cancelled_and_reported(expected_logs: Any) -> None:
    expected_logs.allow("an actor did not stop in time")
    tree, child = Tree(), Child("a")
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert not await _stop_one_that_hangs(tree, child, gate)
    assert "a" not in tree.supervisor
    assert gate.cancelled()
    assert child.story == ["a start", "a stop", "a ended"]


@pytest.mark.gen_test
async def test_a_late_end_of_a_child_that_was_given_up_on_does_not_touch_its_successor(expected_logs: Any) -> None:
    expected_logs.allow("an actor did not stop in time")
    tree, child, successor = Tree(), Child("a"), Child("a")
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await _stop_one_that_hangs(tree, child, gate)
    tree.supervisor.start_child(successor.spec())
    await successor.until_started(1)
    if not gate.done():
        gate.set_result(None)
    await turns()
    assert "a" in tree.supervisor
    assert child.story.count("a ended") == 1
