"""The supervisor: what is started again, after how long, and when it gives up."""

import asyncio
from typing import Any

import pytest
from loop_turns import turns, until
from supervised import Child, Tree

from actors.runtime.exit import Exit
from actors.runtime.restart import Intensity, Restart


@pytest.fixture(autouse=True)
def _failures_are_meant(expected_logs: Any) -> None:
    expected_logs.allow("an actor failed")


@pytest.mark.parametrize(
    ("restart", "starts_after_failure", "starts_after_end"),
    [(Restart.PERMANENT, 2, 2), (Restart.TRANSIENT, 2, 1), (Restart.TEMPORARY, 1, 1)],
)
@pytest.mark.gen_test
async def test_the_restart_type_says_which_ends_are_answered_with_a_start(
    restart: Restart, starts_after_failure: int, starts_after_end: int
) -> None:
    for end_it, starts in ((Child.fail, starts_after_failure), (Child.end, starts_after_end)):
        tree, child = Tree(), Child("a")
        tree.supervisor.start_child(child.spec(restart))
        await child.until_started(1)
        end_it(child)
        await until(lambda child=child: len(child.mailbox) == 0)  # type: ignore[misc]
        await turns()
        assert len(child.built) == starts
        assert ("a" in tree.supervisor) is (starts == 2)
        assert child.story.count("a ended") == (0 if starts == 2 else 1)


@pytest.mark.gen_test
async def test_siblings_are_left_alone() -> None:
    tree, bad, good = Tree(), Child("bad"), Child("good")
    tree.supervisor.start_child(bad.spec())
    tree.supervisor.start_child(good.spec())
    await good.until_started(1)
    bad.fail()
    await bad.until_started(2)
    assert good.story == ["good start"]
    assert len(tree.supervisor) == 2


@pytest.mark.gen_test
async def test_a_failure_is_logged_with_who_what_and_which_message(caplog: pytest.LogCaptureFixture) -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec())

    class Poison:
        id = "trace"

        def __call__(self) -> None:
            raise ValueError("poison")

    child.mailbox.offer(Poison())
    child.mailbox.offer(lambda: None)
    await child.until_started(2)
    [record] = [record for record in caplog.records if record.name == "fanwire.supervisor"]
    said: Any = record
    assert (said.actor, said.generation, said.trace_id, said.waiting) == ("topic a", 1, "trace", 1)
    assert record.getMessage() == "an actor failed: ValueError"
    assert record.exc_info


@pytest.mark.gen_test
async def test_the_first_restart_is_at_once_and_later_ones_back_off() -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec(intensity=Intensity(10, 60.0)))
    child.fail()
    await child.until_started(2)
    for started, delay_s in ((2, 0.25), (3, 0.5), (4, 1.0)):
        child.fail()
        await until(lambda: tree.clock.waiting, "the back-off")
        assert tree.clock.waiting == [delay_s]
        tree.clock.advance(delay_s * 0.999)
        await turns()
        assert len(child.built) == started
        tree.clock.advance(delay_s)
        await child.until_started(started + 1)


@pytest.mark.gen_test
async def test_what_waits_during_the_back_off_is_handled_by_the_next_incarnation() -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec())
    child.fail()
    child.fail()
    await until(lambda: tree.clock.waiting)
    handled: list[str] = []
    child.mailbox.offer(lambda: handled.append("late"))
    tree.clock.advance(1.0)
    await until(lambda: handled == ["late"])


@pytest.mark.gen_test
async def test_more_failures_than_the_intensity_allows_are_given_up() -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec(intensity=Intensity(2, 60.0)))
    for _ in range(3):
        child.fail()
        await until(lambda: len(child.mailbox) == 0)
        await turns()
        tree.clock.advance(1.0)
    await until(lambda: child.given_up)
    await turns()
    assert len(child.built) == 3
    assert (child.given_up[0].generation, str(child.given_up[0].failure)) == (3, "a")
    assert child.story == ["a start", "a start", "a start", "a ended"]
    assert "a" not in tree.supervisor
    assert not tree.escalated


@pytest.mark.gen_test
async def test_without_an_answer_of_its_own_a_child_that_is_given_up_escalates() -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec(gives_up=False, intensity=Intensity(0, 60.0)))
    child.fail()
    await until(lambda: tree.escalated)
    assert len(child.built) == 1


@pytest.mark.gen_test
async def test_failures_far_apart_are_never_given_up() -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec(intensity=Intensity(1, 5.0)))
    for restarts in range(1, 8):
        child.fail()
        await child.until_started(restarts + 1)
        tree.clock.advance(5.5)
    assert not child.given_up


@pytest.mark.gen_test
async def test_a_child_that_fails_to_start_backs_off_and_then_is_up() -> None:
    tree, child = Tree(), Child("a")
    child.failing_starts = 3
    tree.supervisor.start_child(child.spec())
    for built, delay_s in ((2, 0.25), (3, 0.5)):
        assert (len(child.built), tree.clock.waiting) == (built, [delay_s])
        tree.clock.advance(delay_s)
    assert child.story == ["a start"]
    assert not child.given_up


@pytest.mark.gen_test
async def test_each_incarnation_has_the_next_generation() -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec())
    child.fail()
    await child.until_started(2)
    assert [actor.generation for actor in child.built] == [1, 2]


@pytest.mark.parametrize("failure", [SystemExit(3), asyncio.CancelledError(), KeyboardInterrupt()])
@pytest.mark.gen_test
async def test_what_would_end_a_process_restarts_one_child(failure: BaseException) -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec())
    child.fail(failure)
    await child.until_started(2)


@pytest.mark.gen_test
async def test_a_late_exit_of_an_old_generation_is_ignored() -> None:
    tree, child = Tree(), Child("a")
    tree.supervisor.start_child(child.spec())
    child.fail()
    await child.until_started(2)
    old = child.built[0]
    assert old._on_exit is not None
    old._on_exit(Exit(old.actor_urn, 1, ValueError("late"), None, 0))
    await turns()
    assert len(child.built) == 2
    assert tree.clock.waiting == [], "no restart is on its way"
    assert "a" in tree.supervisor


@pytest.mark.gen_test
async def test_a_name_is_taken_once() -> None:
    tree = Tree()
    tree.supervisor.start_child(Child("a").spec())
    with pytest.raises(ValueError, match="has a child 'a' already"):
        tree.supervisor.start_child(Child("a").spec())


@pytest.mark.gen_test
async def test_a_child_that_cannot_be_built_has_failed_to_start_and_is_tried_again() -> None:
    tree, child = Tree(), Child("a")
    child.failing_builds = 3
    tree.supervisor.start_child(child.spec(intensity=Intensity(10, 60.0)))
    assert "a" in tree.supervisor
    for delay_s in (0.25, 0.5):
        assert tree.clock.waiting == [delay_s]
        tree.clock.advance(delay_s)
    await child.until_started(1)
    assert child.built[0].generation == 4


@pytest.mark.gen_test
async def test_a_child_that_can_never_be_built_is_given_up() -> None:
    tree, child = Tree(), Child("a")
    child.failing_builds = 100
    tree.supervisor.start_child(child.spec(intensity=Intensity(2, 60.0)))
    tree.clock.advance(10.0)
    [record] = child.given_up
    assert (str(record.failure), record.generation, child.story) == ("cannot be built", 3, ["a ended"])
    assert tree.clock.waiting == []
    assert not tree.escalated


@pytest.mark.gen_test
async def test_a_child_that_is_stopped_before_it_could_be_built_never_starts() -> None:
    tree, child = Tree(), Child("a")
    child.failing_builds = 2
    tree.supervisor.start_child(child.spec())
    assert await tree.supervisor.stop_child("a", 1.0)
    tree.clock.advance(10.0)
    await turns()
    assert (child.built, child.story) == ([], ["a ended"])


@pytest.mark.gen_test
async def test_failures_and_restarts_are_counted_and_who_lives_again_is_known() -> None:
    tree, first, second = Tree(), Child("a"), Child("b")
    for child in (first, second):
        tree.supervisor.start_child(child.spec(Restart.TRANSIENT))
        await child.until_started(1)
    assert list(tree.supervisor.restarted()) == []
    second.fail()
    await second.until_started(2)
    assert (tree.supervisor.failures, tree.supervisor.restarts) == (1, 1)
    assert [(child.spec.name, child.generation) for child in tree.supervisor.restarted()] == [("b", 2)]
    assert [child.spec.name for child in tree.supervisor.eldest(1)] == ["a"]
    await tree.supervisor.stop_child("b")
    assert (list(tree.supervisor.restarted()), tree.supervisor.find("b")) == ([], None)
