"""Topics on a bus across a network: what they begin with, what they wait for, and when they let go."""

from collections.abc import Iterator
from typing import Any

import pytest
from actor_world import Tab, World
from far_bus import FarBus, FarStore
from loop_turns import turns, until

from actors.protocol.envelope import Seq, TopicName, envelope_from
from actors.protocol.messages import EARLIEST
from actors.topic import IDLE_CHECK_S

T = TopicName("t")


@pytest.fixture
def store() -> Iterator[FarStore]:
    return FarStore()


class Worker(World):
    """A world on its own end of the store."""

    def __init__(self, store: FarStore) -> None:
        self.far = FarBus(store)
        super().__init__(bus=self.far)

    def put(self, data: object, *, age_s: float = 0.0, topic: str = "t") -> Seq:
        """Another worker's publish, ``age_s`` seconds ago."""
        envelope = envelope_from({"topic": topic, "type": "x", "data": data}, self.clock.time() - age_s)
        return self.far.store.put(envelope).seq

    def is_running(self) -> bool:
        return self.directory.find(T) is not None


async def told(tab: Tab, **since: Any) -> dict[str, Any]:
    answer = await tab.subscribe(**since)
    told: dict[str, Any] = answer["topics"]["t"]
    return told


@pytest.mark.gen_test
async def test_a_topic_that_starts_here_begins_with_what_the_bus_has(store: FarStore) -> None:
    world = Worker(store)
    first = world.put("one")
    top = world.put("two")
    tab = await world.open()
    assert await told(tab, t=first) == {"seq": top, "recovered": True, "replayed": 1}
    world.put("three")
    await until(lambda: tab.of_topic("t") == ["two", "three"], "the rest")


@pytest.mark.gen_test
async def test_what_is_loaded_has_its_age_and_not_that_of_its_loading(store: FarStore) -> None:
    world = Worker(store)
    for number, age_s in enumerate((700.0, 599.0, 10.0)):
        world.put(number, age_s=age_s)
    tab, late = await world.open(), await world.open()
    assert (await told(tab, t=EARLIEST))["replayed"] == 2
    world.clock.advance(2.0)
    assert (await told(late, t=EARLIEST))["replayed"] == 1


@pytest.mark.gen_test
async def test_the_last_position_is_known_after_its_message_is_forgotten(store: FarStore) -> None:
    world = Worker(store)
    top = world.put("old", age_s=700.0)
    last_id = store.chain("t")[-1].id
    tab = await world.open()
    assert await told(tab, t=top) == {"seq": top, "recovered": True, "replayed": 0}
    assert await told(await world.open(), t=last_id) == {"seq": top, "recovered": True, "replayed": 0}


@pytest.mark.gen_test
async def test_who_joins_meanwhile_waits_for_the_past_and_misses_nothing(store: FarStore) -> None:
    world = Worker(store)
    tab = await world.open()
    world.put("before")
    world.far.gate.clear()
    request_id = tab.ask("subscribe", {"topics": {"t": {"since": 0}}})
    await until(world.is_running, "the topic")
    await turns()
    assert not tab.socket.of_type("subscribed")
    world.put("meanwhile")
    world.far.gate.set()
    assert (await tab.answer_to(request_id))["data"]["topics"]["t"]["replayed"] == 2
    await until(lambda: tab.of_topic("t") == ["before", "meanwhile"], "both")


@pytest.mark.gen_test
async def test_a_subscribe_whose_topic_cannot_be_loaded_is_refused_and_may_be_tried_again(store: FarStore) -> None:
    world = Worker(store)
    tab = await world.open()
    seq = world.put("one")
    world.far.gate.clear()
    request_id = tab.ask("subscribe", {"topics": {"t": {"since": 0}}})
    await until(world.is_running, "the topic")
    world.far.is_down = True
    world.far.gate.set()
    answer = await tab.answer_to(request_id)
    assert answer["data"]["topics"] == {}
    assert answer["data"]["refused"]["t"]["code"] == "overloaded"
    await until(lambda: not world.is_running(), "the topic to go")
    assert T not in world.far.sources
    world.far.is_down = False
    assert await told(tab, t=0) == {"seq": seq, "recovered": True, "replayed": 1}
    assert tab.socket.closed is None


@pytest.mark.gen_test
async def test_without_the_bus_topics_that_run_are_served_and_others_are_refused(store: FarStore) -> None:
    world = Worker(store)
    tab, late = await world.open(), await world.open()
    first = world.put("one")
    top = world.put("two")
    await told(tab, t=first)
    world.far.is_down = True
    answer = await late.answer("subscribe", {"topics": {"t": {"since": first}, "new": {}}})
    assert answer["data"]["topics"] == {"t": {"seq": top, "recovered": True, "replayed": 1}}
    assert answer["data"]["refused"]["new"]["code"] == "overloaded"


@pytest.mark.gen_test
async def test_a_position_that_another_worker_gave_a_moment_ago_is_recovered(store: FarStore) -> None:
    world = Worker(store)
    tab, back = await world.open(), await world.open()
    world.put("one")
    await tab.subscribe("t")
    world.far.lags = True
    top = world.put("two")
    assert await told(back, t=top) == {"seq": top, "recovered": True, "replayed": 0}
    await until(lambda: tab.of_topic("t") == ["two"], "what the other worker stored")
    assert back.of_topic("t") == []


@pytest.mark.gen_test
async def test_a_position_that_nobody_ever_gave_is_said_to_be_lost_after_asking(store: FarStore) -> None:
    world = Worker(store)
    tab, back = await world.open(), await world.open()
    await tab.subscribe("t")
    world.far.lags = True
    top = world.put("one")
    assert await told(back, t=7) == {"seq": top, "recovered": False, "replayed": 0}


@pytest.mark.gen_test
async def test_a_position_that_is_known_here_costs_no_question(store: FarStore) -> None:
    world = Worker(store)
    first = world.put("one")
    world.put("two")
    await told(await world.open(), t=EARLIEST)
    asked = world.far.questions
    for since in (first, 0, EARLIEST):
        assert (await told(await world.open(), t=since))["recovered"]
    assert world.far.questions == asked


@pytest.mark.gen_test
async def test_a_crowd_with_an_unknown_position_costs_two_questions(store: FarStore) -> None:
    world = Worker(store)
    crowd = [await world.open() for _ in range(20)]
    await crowd[0].subscribe("t")
    asked = world.far.questions
    world.far.gate.clear()
    requests = [tab.ask("subscribe", {"topics": {"t": {"since": 7}}}) for tab in crowd[1:]]
    await until(lambda: world.far.questions == asked + 1, "the first question")
    await turns()
    world.far.gate.set()
    answers = [await tab.answer_to(one) for tab, one in zip(crowd[1:], requests, strict=True)]
    assert not any(answer["data"]["topics"]["t"]["recovered"] for answer in answers)
    assert world.far.questions <= asked + 2


@pytest.mark.gen_test
async def test_who_cannot_be_caught_up_is_refused_and_not_told_of_a_loss(store: FarStore) -> None:
    world = Worker(store)
    tab, back = await world.open(), await world.open()
    await tab.subscribe("t")
    world.far.is_down = True
    answer = await back.answer("subscribe", {"topics": {"t": {"since": 7}}})
    assert answer["data"]["refused"]["t"]["code"] == "overloaded"
    assert tab.socket.closed is None and back.socket.closed is None


@pytest.mark.gen_test
async def test_who_goes_while_the_bus_is_asked_is_no_subscriber_afterwards(store: FarStore) -> None:
    world = Worker(store)
    tab, gone = await world.open(), await world.open()
    await tab.subscribe("t")
    world.far.gate.clear()
    asked = world.far.questions
    gone.ask("subscribe", {"topics": {"t": {"since": 7}}})
    await until(lambda: world.far.questions > asked, "the question")
    gone.client.gone()
    await turns()
    world.far.gate.set()
    await turns()
    [state] = [state for state in world.directory.states() if state.name == T]
    assert list(state.subscribers) == [tab.session.mailbox]
    assert not state.catch_up


@pytest.mark.gen_test
async def test_subscribers_whose_topic_lost_its_place_come_back_to_what_is_stored(store: FarStore) -> None:
    world = Worker(store)
    tab = await world.open()
    kept = world.put("kept")
    lost = world.put("lost")
    assert (await told(tab, t=lost))["recovered"]
    store.chain("t").pop()
    world.far.lags = True
    again = store.put(store.chain("t")[0]._replace(data="another"), step=15).seq
    world.far.sources[T].lose_place()
    assert await tab.until_closed() == 4510
    world.far.lags = False
    back, other = await world.open(), await world.open()
    assert await told(back, t=lost) == {"seq": again, "recovered": False, "replayed": 0}
    assert await told(other, t=kept) == {"seq": again, "recovered": True, "replayed": 1}
    world.put("goes on")
    await until(lambda: back.of_topic("t") == ["goes on"], "live messages")
    assert other.of_topic("t") == ["another", "goes on"]


@pytest.mark.gen_test
async def test_a_topic_that_is_left_is_a_cache_for_as_long_as_its_history_lives(store: FarStore) -> None:
    world = Worker(store)
    tab = await world.open()
    await tab.subscribe("t")
    world.put("heard")
    tab.client.gone()
    await turns()
    world.put("unheard")
    asked = world.far.questions
    back = await world.open()
    assert (await told(back, t=0))["replayed"] == 2
    assert world.far.questions == asked + 1, "the user's own topic, and nothing else"
    back.client.gone()
    for _ in range(int(660 / IDLE_CHECK_S)):
        await turns()
        world.clock.advance(IDLE_CHECK_S)
        world.put("somebody elsewhere is busy")
    await until(lambda: not world.is_running(), "the topic to retire")
    assert T not in world.far.sources
