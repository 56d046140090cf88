"""A client joins topics: one answer for each request, before any message of what it brings."""

import pytest
from actor_world import World, identity
from loop_turns import turns, until

from actors.client_mailbox import CONTROL_SPARE
from actors.protocol.envelope import TopicName


@pytest.mark.gen_test
async def test_a_subscribe_is_answered_before_any_message_of_its_topics() -> None:
    world = World()
    tab = await world.open()
    for number in range(3):
        world.publish("t", number)
    request_id = tab.ask("subscribe", {"topics": {"t": {"since": "earliest"}}})
    world.publish("t", 3)
    await until(lambda: len(tab.of_topic("t")) == 4)
    kinds = [message["type"] for message in tab.socket.messages]
    assert kinds == ["hello", "subscribed", "x", "x", "x", "x"]
    answer = await tab.answer_to(request_id)
    assert answer["data"]["topics"]["t"]["recovered"] is True
    assert tab.of_topic("t") == [0, 1, 2, 3]


@pytest.mark.gen_test
async def test_one_answer_says_of_each_topic_where_it_is_and_what_was_replayed() -> None:
    world = World()
    tab = await world.open()
    placed = [world.publish("a", number) for number in range(3)]
    top = world.publish("b")
    await until(world.is_quiet)
    data = await tab.subscribe("b", "c", a=placed[0].seq)
    assert data == {
        "topics": {
            "a": {"seq": placed[2].seq, "recovered": True, "replayed": 2},
            "b": {"seq": top.seq, "recovered": True, "replayed": 0},
            "c": {"seq": 0, "recovered": True, "replayed": 0},
        },
        "refused": {},
    }
    await until(lambda: tab.of_topic("a") == [1, 2])


@pytest.mark.gen_test
async def test_messages_come_with_their_position_and_predecessor() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    placed = [world.publish("t", number) for number in range(3)]
    await until(lambda: len(tab.of_topic("t")) == 3)
    received = [message for message in tab.socket.messages if message["topic"] == "t"]
    assert [(one["seq"], one["prev"]) for one in received] == [(one.seq, one.prev) for one in placed]
    assert all(one["v"] == 1 and one["ts"] == world.clock.time() for one in received)


@pytest.mark.gen_test
async def test_what_cannot_be_recovered_is_said_right_behind_the_answer() -> None:
    world = World()
    tab = await world.open()
    placed = world.publish("t")
    await until(world.is_quiet)
    data = await tab.subscribe(t=17)
    assert data["topics"]["t"] == {"seq": placed.seq, "recovered": False, "replayed": 0}
    world.publish("t", "live")
    await until(lambda: tab.of_topic("t") == ["live"])
    assert [message["type"] for message in tab.socket.messages] == ["hello", "subscribed", "gap", "x"]
    [gap] = tab.socket.of_type("gap")
    assert gap["data"] == {"topic": "t", "from": 17, "to": placed.seq, "dropped": None, "reason": "history"}
    assert gap["topic"] == "system"


@pytest.mark.gen_test
async def test_a_gap_behind_an_id_has_no_position_to_begin_with() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe(t="0b6f1d6e-8a51-4f3c-9d55-1f2e3a4b5c6d")
    [gap] = tab.socket.of_type("gap")
    assert gap["data"]["from"] is None


@pytest.mark.gen_test
async def test_a_quiet_topic_is_resumed_with_nothing_replayed() -> None:
    world = World()
    tab = await world.open()
    placed = world.publish("t")
    await until(world.is_quiet)
    assert (await tab.subscribe(t=placed.seq))["topics"]["t"] == {
        "seq": placed.seq,
        "recovered": True,
        "replayed": 0,
    }
    assert not tab.socket.of_type("gap")


@pytest.mark.gen_test
async def test_each_refused_topic_is_told_why_and_the_others_are_joined() -> None:
    world = World()
    tab = await world.open(identity(subscribe="thread:*"))
    data = await tab.subscribe("thread:1", "secret", "system", "no name", "")
    assert set(data["topics"]) == {"thread:1"}
    assert {name: why["code"] for name, why in data["refused"].items()} == {
        "secret": "forbidden",
        "system": "bad_topic",
        "no name": "bad_topic",
        "": "bad_topic",
    }
    assert data["refused"]["secret"]["message"] == "topic: your token's subscribe list does not match it"
    assert world.directory.find(TopicName("secret")) is None


@pytest.mark.gen_test
async def test_an_absent_and_a_forbidden_topic_are_answered_alike() -> None:
    world = World()
    world.publish("secret:exists")
    tab = await world.open(identity(subscribe="thread:*"))
    refused = (await tab.subscribe("secret:exists", "secret:not"))["refused"]
    assert refused["secret:exists"] == refused["secret:not"]


@pytest.mark.gen_test
async def test_everybody_hears_their_own_topic_from_the_start_and_no_grant_is_needed() -> None:
    world = World()
    tab = await world.open(identity("ada", subscribe=""))
    world.publish("user:ada", "for you")
    world.publish("user:bob", "for bob")
    await until(lambda: tab.of_topic("user:ada") == ["for you"])
    await turns()
    assert tab.of_topic("user:bob") == []


@pytest.mark.gen_test
async def test_a_user_whose_name_makes_no_topic_is_let_in_without_one() -> None:
    world = World()
    tab = await world.open(identity("ada lovelace"))
    assert tab.session.topics == set()
    await tab.subscribe("t")


@pytest.mark.gen_test
async def test_too_many_topics_are_refused_and_the_users_own_does_not_count() -> None:
    world = World(topics=2)
    tab = await world.open()
    data = await tab.subscribe("a", "b", "c")
    assert set(data["topics"]) == {"a", "b"}
    assert data["refused"]["c"]["code"] == "too_many_topics"
    assert set((await tab.subscribe("a", "b"))["topics"]) == {"a", "b"}, "those it has are no new ones"
    await tab.answer("unsubscribe", {"topics": ["a"]})
    assert set((await tab.subscribe("c"))["topics"]) == {"c"}


@pytest.mark.gen_test
async def test_the_control_lane_has_room_for_the_answers_of_all_topics_at_once() -> None:
    world = World(topics=200)
    tab = await world.open()
    data = await tab.subscribe(*[f"t:{number}" for number in range(200)])
    assert len(data["topics"]) == 200
    assert tab.session.mailbox.max_control == 200 + CONTROL_SPARE


@pytest.mark.gen_test
async def test_subscribing_again_brings_nothing_twice() -> None:
    world = World()
    tab = await world.open()
    await tab.subscribe("t")
    world.publish("t", 1)
    await until(lambda: tab.of_topic("t") == [1])
    assert (await tab.subscribe(t="earliest"))["topics"]["t"]["replayed"] == 0
    world.publish("t", 2)
    await until(lambda: tab.of_topic("t") == [1, 2])


@pytest.mark.gen_test
async def test_the_next_frame_is_read_once_this_one_is_answered() -> None:
    world = World()
    tab = await world.open()
    request_id = tab.ask("subscribe", {"topics": ["t"]})
    await turns(1)
    assert not tab.reading[0].done()
    await tab.answer_to(request_id)
    await until(tab.reading[0].done)
