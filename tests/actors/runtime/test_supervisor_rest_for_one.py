"""Rest for one: with a child that fell, all that were started after it are stopped and started again."""

from typing import Any

import pytest
from supervised import Child, Tree, held

from actors.runtime.restart import Restart
from actors.runtime.supervisor import Strategy


class Row:
    """The children a, b, c, d of one supervisor, in this order, with one story; ``kinds`` by name."""

    def __init__(self, *, stop_s: float = 5.0, **kinds: Restart) -> None:
        self.story: list[str] = []
        self.tree = Tree(Strategy.REST_FOR_ONE, quiet=True)
        self.children = {name: Child(name, self.story) for name in "abcd"}
        for name, child in self.children.items():
            self.tree.start(child.spec(kinds.get(name, Restart.TRANSIENT), gives_up=False, stop_s=stop_s))
        self.story.clear()

    def __getitem__(self, name: str) -> Child:
        return self.children[name]

    @property
    def up(self) -> str:
        """Who runs now."""
        supervisor = self.tree.supervisor
        known = {name: child for name, child in self.children.items() if name in supervisor}
        return "".join(name for name, child in known.items() if not child.built[-1].actor_stopped.is_set())

    async def until_said(self, line: str) -> None:
        await self.tree.until(lambda: line in self.story, f"{line!r} in {self.story}")


@pytest.mark.gen_test
async def test_the_younger_are_stopped_from_the_end_and_all_start_again_in_order() -> None:
    row = Row()
    row["b"].fail()
    await row.until_said("d start")
    assert row.story == ["d stop", "c stop", "b start", "c start", "d start"]
    await row.tree.rest()
    assert row.up == "abcd"
    assert row["a"].built[0].generation == 1
    assert [row[name].built[-1].generation for name in "bcd"] == [2, 2, 2]


@pytest.mark.gen_test
async def test_the_youngest_falls_alone() -> None:
    row = Row()
    row["d"].fail()
    await row.until_said("d start")
    await row.tree.rest()
    assert row.story == ["d start"]


@pytest.mark.gen_test
async def test_the_witness_hears_of_one_failure_and_of_every_restart() -> None:
    row = Row()
    row["c"].fail()
    await row.until_said("d start")
    assert row.tree.notes.lines == ["topic failed: topic c 1 c", "topic restarted", "topic restarted"]


@pytest.mark.gen_test
async def test_temporary_children_are_stopped_with_the_group_and_not_revived() -> None:
    row = Row(c=Restart.TEMPORARY)
    row["b"].fail()
    await row.until_said("d start")
    await row.tree.rest()
    assert row.story == ["d stop", "c stop", "c ended", "b start", "d start"]
    assert row.up == "abd"


@pytest.mark.gen_test
async def test_the_group_waits_for_the_back_off_of_the_one_that_fell() -> None:
    row = Row()
    row["c"].fail()
    await row.until_said("d start")
    row["c"].fail()
    await row.tree.until(lambda: row.tree.clock.waiting == [0.25], "the back-off")
    assert row.up == "ab"
    row.tree.clock.advance(0.25)
    await row.tree.until(lambda: row.up == "abcd", "the group")


@pytest.mark.gen_test
async def test_an_older_child_that_falls_during_the_regroup_takes_the_group_with_it() -> None:
    row = Row()
    gate = await held(row["d"])
    row["c"].fail()
    await row.tree.rest()
    row["b"].fail()
    await row.tree.rest()
    gate.set_result(None)
    await row.until_said("d start")
    await row.tree.rest()
    assert row.story == ["d stop", "b start", "c start", "d start"]
    assert row.up == "abcd"


@pytest.mark.gen_test
async def test_an_older_child_that_falls_during_the_back_off_takes_the_group_with_it() -> None:
    row = Row()
    row["c"].fail()
    await row.until_said("d start")
    row["c"].fail()
    await row.tree.until(lambda: row.tree.clock.waiting == [0.25], "the back-off")
    row["a"].fail()
    await row.tree.rest()
    row.tree.clock.advance(0.25)
    await row.tree.until(lambda: row.up == "abcd", f"all of them after {row.story}")
    assert row.story[-4:] == ["a start", "b start", "c start", "d start"]
    assert row.story.count("b stop") == 1


@pytest.mark.gen_test
async def test_a_younger_child_that_falls_while_the_group_is_being_stopped_changes_nothing() -> None:
    row = Row()
    gate = await held(row["d"])
    row["b"].fail()
    await row.tree.rest()
    row["c"].fail()
    await row.tree.rest()
    gate.set_result(None)
    await row.until_said("d start")
    await row.tree.rest()
    assert row.up == "abcd", f"not all came back: {row.story}"
    assert row.story == ["d stop", "b start", "c start", "d start"]


@pytest.mark.gen_test
async def test_two_that_fall_together_are_one_group() -> None:
    row = Row()
    row["b"].fail()
    row["d"].fail()
    await row.until_said("d start")
    await row.tree.rest()
    assert row.story == ["c stop", "b start", "c start", "d start"]


@pytest.mark.parametrize("name", ["b", "c", "d"])
@pytest.mark.gen_test
async def test_a_child_that_is_stopped_for_good_during_the_regroup_stays_down(name: str) -> None:
    row = Row()
    for _ in range(2):
        row["b"].fail()
        await row.tree.rest()
    assert row.tree.clock.waiting == [0.25]
    assert await row.tree.supervisor.stop_child(name)
    row.tree.clock.advance(0.25)
    others = "abcd".replace(name, "")
    await row.tree.until(lambda: row.up == others, f"{others} after {row.story}")
    await row.tree.rest()
    assert row.up == others
    assert row.story.count(f"{name} ended") == 1


@pytest.mark.gen_test
async def test_a_child_that_comes_new_during_the_regroup_is_left_alone() -> None:
    row, guest = Row(), Child("guest")
    for _ in range(2):
        row["c"].fail()
        await row.tree.rest()
    row.tree.start(guest.spec())
    row.tree.clock.advance(0.25)
    await row.tree.until(lambda: row.up == "abcd")
    assert guest.story == ["guest start"]


@pytest.mark.gen_test
async def test_a_child_that_does_not_stop_in_time_is_ended_and_comes_back_with_its_group(expected_logs: Any) -> None:
    expected_logs.allow("an actor did not stop in time")
    row = Row(stop_s=0.01)
    await held(row["c"])
    row["b"].fail()
    await row.until_said("d start")
    await row.tree.rest()
    assert row.up == "abcd", f"not all came back: {row.story}"
    assert "c ended" not in row.story


@pytest.mark.gen_test
async def test_a_wind_down_during_the_back_off_lets_nobody_rise_again() -> None:
    row = Row()
    for _ in range(2):
        row["b"].fail()
        await row.tree.rest()
    assert row.tree.clock.waiting == [0.25]
    started = row.story.count("b start")
    await row.tree.supervisor.shut_down()
    row.tree.clock.advance(10.0)
    await row.tree.rest()
    assert (row.up, len(row.tree.supervisor)) == ("", 0)
    assert row.story.count("b start") == started
    assert [record.failure for record in row.tree.escalated] == [None]
    assert sorted(line for line in row.story if line.endswith("ended")) == [f"{name} ended" for name in "abcd"]


@pytest.mark.gen_test
async def test_a_wind_down_while_the_group_is_being_stopped_ends_everybody_once() -> None:
    row = Row()
    gate = await held(row["d"])
    row["b"].fail()
    await row.tree.rest()
    row.tree.supervisor.stop()
    await row.tree.rest()
    gate.set_result(None)
    await row.tree.until(lambda: row.tree.escalated, "the end")
    assert row.story == ["d stop", "d ended", "c stop", "c ended", "b ended", "a stop", "a ended"]


@pytest.mark.gen_test
async def test_a_child_that_falls_during_the_wind_down_brings_nobody_back() -> None:
    row = Row()
    gate = await held(row["d"])
    row.tree.supervisor.stop()
    await row.tree.until(lambda: not row.tree.supervisor.is_running)
    row["b"].fail()
    await row.tree.rest()
    gate.set_result(None)
    await row.tree.until(lambda: row.tree.escalated, "the end")
    await row.tree.rest()
    assert not [line for line in row.story if line.endswith("start")]
    assert row.up == ""
