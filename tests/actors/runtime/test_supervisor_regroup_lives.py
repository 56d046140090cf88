"""Rest for one, in a supervisor that is itself run again: what fell in one life is none of the next one's business."""

from typing import Any

import pytest
from supervised import Branch, Child, Tree, held

from actors.runtime.restart import Intensity
from actors.runtime.supervisor import Strategy

RARELY = Intensity(1, 60.0)


def branch_in(tree: Tree, *, stop_s: float = 1.0) -> tuple[Branch, dict[str, Child], list[str]]:
    """A rest-for-one branch with the children x, y, z."""
    story: list[str] = []
    children = {name: Child(name, story) for name in "xyz"}
    specs = [child.spec(gives_up=False, intensity=RARELY) for child in children.values()]
    branch = Branch("branch", tree, *specs, strategy=Strategy.REST_FOR_ONE, intensity=Intensity(5, 60.0), stop_s=stop_s)
    return branch, children, story


@pytest.mark.gen_test
async def test_a_branch_that_gave_up_groups_its_children_anew_after_its_restart() -> None:
    tree = Tree(quiet=True)
    branch, children, story = branch_in(tree)
    tree.start(branch.spec)
    for starts in (2, 3, 4):
        children["y"].fail()
        await tree.until(lambda starts=starts: story.count("z start") == starts, f"start {starts}")  # type: ignore[misc]
        await tree.rest()
    assert len(branch.supervisor) == 3
    assert (story.count("x start"), story.count("y start")) == (2, 4)


@pytest.mark.gen_test
async def test_what_fell_in_one_life_of_a_branch_is_forgotten_in_the_next() -> None:
    tree = Tree(quiet=True)
    branch, children, story = branch_in(tree)
    tree.start(branch.spec)
    children["z"].fail()
    await tree.until(lambda: story.count("z start") == 2, "the second z")
    # In one turn of the loop: z falls for good, and x once.
    children["z"].fail()
    children["x"].fail()
    await tree.until(lambda: story.count("z start") == 3, "the next life")
    await tree.rest()
    story.clear()
    children["z"].fail()
    await tree.until(lambda: "z start" in story, "z alone")
    await tree.rest()
    assert story == ["z start"], "children were stopped for one that fell in an earlier life"


@pytest.mark.gen_test
async def test_a_branch_that_was_cut_off_during_its_regroup_groups_again_in_its_next_life(expected_logs: Any) -> None:
    expected_logs.allow("an actor did not stop in time")
    tree = Tree(quiet=True)
    branch, children, story = branch_in(tree)
    tree.start(branch.spec)
    gate = await held(children["z"])
    children["x"].fail()
    await tree.rest()
    branch.supervisor.end()
    assert gate.cancelled()
    await tree.until(lambda: story.count("z start") == 2, "the next life")
    children["x"].fail()
    await tree.until(lambda: story.count("z start") == 3, f"the group after {story}")
    await tree.rest()
    assert len(branch.supervisor) == 3
