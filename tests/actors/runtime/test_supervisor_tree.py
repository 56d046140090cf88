"""Supervisors as children of supervisors: who starts, who stops, and how a failure climbs to the root."""

from typing import Any

import pytest
from loop_turns import until
from supervised import Branch, Child, Tree, held

from actors.runtime.exit import Exit
from actors.runtime.restart import Intensity
from actors.runtime.supervisor import GaveUp, Supervisor

NEVER = Intensity(0, 60.0)
ONCE = Intensity(1, 60.0)


def three_levels(story: list[str], *, once: Intensity = NEVER) -> tuple[Tree, dict[str, Branch], dict[str, Child]]:
    """``tests`` has ``upper`` has ``lower`` has the children ``a`` and ``b``; ``c`` is beside ``lower``."""
    tree = Tree(quiet=True)
    children = {name: Child(name, story) for name in ("a", "b", "c")}
    specs = {name: child.spec(gives_up=False, intensity=NEVER) for name, child in children.items()}
    lower = Branch("lower", tree, specs["a"], specs["b"], intensity=once)
    upper = Branch("upper", tree, lower.spec, specs["c"], intensity=once)
    tree.start(upper.spec)
    return tree, {"lower": lower, "upper": upper}, children


@pytest.mark.gen_test
async def test_a_tree_is_up_in_order_when_its_root_is_started() -> None:
    story: list[str] = []
    tree, branches, children = three_levels(story)
    assert story == ["a start", "b start", "c start"]
    assert [len(branch.supervisor) for branch in branches.values()] == [2, 2]
    assert children["a"].built[0].label == "topic a"
    assert tree.notes.lines == []


@pytest.mark.gen_test
async def test_a_tree_stops_from_the_youngest_to_the_oldest_at_every_level() -> None:
    story: list[str] = []
    tree, branches, _ = three_levels(story)
    story.clear()
    await tree.supervisor.shut_down()
    assert story == ["c stop", "c ended", "b stop", "b ended", "a stop", "a ended"]
    assert not any(branch.supervisor.is_running for branch in branches.values())
    assert [(record.actor, record.failure) for record in tree.escalated] == [("tests", None)]
    assert tree.notes.lines == []


@pytest.mark.gen_test
async def test_a_failure_that_no_level_can_make_good_ends_the_root_with_who_it_was() -> None:
    story: list[str] = []
    tree, _, children = three_levels(story)
    children["a"].fail()
    await until(lambda: tree.escalated, "the root's end")
    [record] = tree.escalated
    assert (record.actor, record.generation) == ("tests", 1)
    assert isinstance(record.failure, GaveUp)
    assert (record.failure.child, str(record.failure)) == ("supervisor upper", "supervisor upper failed too often")
    assert tree.notes.lines == [
        "topic failed: topic a 1 a",
        "topic given up: topic a 1",
        "supervisor failed: supervisor lower 1 topic a failed too often",
        "supervisor given up: supervisor lower 1",
        "supervisor failed: supervisor upper 1 supervisor lower failed too often",
        "supervisor given up: supervisor upper 1",
    ]
    assert story[3:] == ["a ended", "b stop", "b ended", "c stop", "c ended"]
    assert not tree.supervisor.is_running


@pytest.mark.gen_test
async def test_a_supervisor_that_gave_up_is_run_again_with_new_children_and_the_next_generation() -> None:
    story: list[str] = []
    tree, branches, children = three_levels(story, once=ONCE)
    lower = branches["lower"].supervisor
    children["b"].fail()
    await until(lambda: story.count("b start") == 2, "the second b")
    assert story[3:] == ["b ended", "a stop", "a ended", "a start", "b start"]
    assert lower.is_running
    assert len(lower) == 2
    assert [actor.generation for actor in children["a"].built] == [1, 1], "a child begins anew with its supervisor"
    assert tree.notes.lines[-1] == "supervisor restarted"
    children["b"].fail()
    await until(lambda: story.count("c start") == 2, "the second upper")
    assert "supervisor failed: supervisor lower 2 topic b failed too often" in tree.notes.lines
    assert "supervisor given up: supervisor lower 2" in tree.notes.lines
    assert not tree.escalated


@pytest.mark.gen_test
async def test_children_that_came_later_are_not_there_after_their_supervisor_was_run_again() -> None:
    story: list[str] = []
    _, branches, children = three_levels(story, once=ONCE)
    guest = Child("guest", story)
    branches["lower"].supervisor.start_child(guest.spec())
    children["a"].fail()
    await until(lambda: story.count("a start") == 2, "the second a")
    assert "guest" not in branches["lower"].supervisor
    assert story.count("guest ended") == 1


@pytest.mark.gen_test
async def test_nothing_is_started_by_a_supervisor_that_does_not_run() -> None:
    tree = Tree(quiet=True)
    idle = Supervisor("idle", tree.clock, tree.notes)
    with pytest.raises(ValueError, match="idle is not running"):
        idle.start_child(Child("a").spec())
    await tree.supervisor.shut_down()
    with pytest.raises(ValueError, match="tests is not running"):
        tree.supervisor.start_child(Child("a").spec())
    assert (len(idle), len(tree.supervisor)) == (0, 0)


@pytest.mark.gen_test
async def test_who_starts_a_child_during_the_wind_down_is_refused() -> None:
    tree, slow = Tree(quiet=True), Child("slow")
    tree.start(slow.spec())
    gate = await held(slow)
    tree.supervisor.stop()
    await until(lambda: not tree.supervisor.is_running, "the wind-down")
    with pytest.raises(ValueError, match="tests is not running"):
        tree.supervisor.start_child(Child("late").spec())
    gate.set_result(None)
    await until(lambda: tree.escalated)


@pytest.mark.gen_test
async def test_a_child_that_fails_while_its_elders_wait_to_be_stopped_is_not_started_again() -> None:
    story: list[str] = []
    tree, elder, slow = Tree(quiet=True), Child("elder", story), Child("slow", story)
    tree.start(elder.spec(), slow.spec())
    gate = await held(slow)
    tree.supervisor.stop()
    await until(lambda: not tree.supervisor.is_running, "the wind-down")
    elder.fail()
    await tree.rest()
    assert len(elder.built) == 1, "started again although everything is being stopped"
    gate.set_result(None)
    await until(lambda: tree.escalated)
    assert story.count("elder ended") == 1


@pytest.mark.gen_test
async def test_each_child_has_its_own_time_to_stop_and_is_ended_after_it(expected_logs: Any, caplog: Any) -> None:
    expected_logs.allow("an actor did not stop in time")
    story: list[str] = []
    tree, patient, hasty = Tree(quiet=True), Child("patient", story), Child("hasty", story)
    tree.start(patient.spec(stop_s=30.0), hasty.spec(stop_s=0.01))
    gate, never = await held(patient), await held(hasty)
    tree.supervisor.stop()
    await until(lambda: "hasty ended" in story, "the hasty one's end")
    assert never.cancelled()
    assert "patient stop" not in story
    gate.set_result(None)
    await until(lambda: tree.escalated)
    assert story == ["patient start", "hasty start", "hasty stop", "hasty ended", "patient stop", "patient ended"]
    [late] = [vars(record) for record in caplog.records]
    assert (late["actor"], late["timeout_s"]) == ("topic hasty", 0.01)


@pytest.mark.gen_test
async def test_a_branch_that_does_not_stop_in_time_is_ended_with_all_that_it_has(expected_logs: Any) -> None:
    expected_logs.allow("an actor did not stop in time")
    story: list[str] = []
    tree, a, b = Tree(quiet=True), Child("a", story), Child("b", story)
    branch = Branch("branch", tree, a.spec(stop_s=60.0), b.spec(stop_s=60.0), stop_s=0.01)
    tree.start(branch.spec)
    gates = [await held(a), await held(b)]
    await tree.supervisor.shut_down()
    assert all(gate.cancelled() for gate in gates)
    assert story == ["a start", "b start", "b stop", "b ended", "a stop", "a ended"]
    assert (len(branch.supervisor), branch.supervisor.is_running) == (0, False)
    assert len(tree.escalated) == 1


@pytest.mark.gen_test
async def test_after_a_healthy_period_the_first_restart_is_at_once_again() -> None:
    tree, child = Tree(quiet=True), Child("a")
    tree.start(child.spec(intensity=Intensity(3, 5.0)))
    for started in (1, 2):
        child.fail()
        await until(lambda: len(child.mailbox) == 0, "the failure")
        tree.clock.advance(1.0)
        await child.until_started(started + 1)
    tree.clock.advance(5.5)
    child.fail()
    await child.until_started(4)
    assert tree.clock.waiting == []


@pytest.mark.gen_test
async def test_the_witness_hears_of_failures_restarts_and_giving_up_but_not_of_ends_in_order() -> None:
    tree, child, quiet = Tree(quiet=True), Child("a"), Child("quiet")
    tree.start(child.spec(intensity=ONCE), quiet.spec())
    quiet.end()
    child.fail()
    await child.until_started(2)
    child.fail()
    await until(lambda: child.given_up, "giving up")
    assert tree.notes.lines == [
        "topic failed: topic a 1 a",
        "topic restarted",
        "topic failed: topic a 2 a",
        "topic given up: topic a 2",
    ]


@pytest.mark.gen_test
async def test_stopping_twice_ends_once() -> None:
    tree, child = Tree(quiet=True), Child("a")
    tree.start(child.spec())
    tree.supervisor.stop()
    tree.supervisor.stop()
    await tree.supervisor.shut_down()
    await tree.rest()
    assert [record.failure for record in tree.escalated] == [None]
    assert child.story == ["a start", "a stop", "a ended"]


@pytest.mark.gen_test
async def test_a_root_without_children_ends_as_well() -> None:
    exits: list[Exit] = []
    tree = Tree(quiet=True)
    bare = Supervisor("bare", tree.clock, tree.notes)
    bare.run(exits.append, 7, "supervisor bare")
    await bare.shut_down()
    assert [(record.actor, record.generation, record.failure) for record in exits] == [("supervisor bare", 7, None)]
