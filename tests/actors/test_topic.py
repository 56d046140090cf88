"""One topic: who joins gets what was missed and then what comes, in order."""

from typing import Any

import pytest
from one_topic import Subscriber, T, Topic

from actors.protocol.envelope import Seq
from actors.protocol.messages import EARLIEST
from actors.topic_requests import Join, Joined, Leave, Left


@pytest.mark.gen_test
async def test_a_subscriber_gets_what_is_published_after_it_joined() -> None:
    topic, ada = Topic(), Subscriber()
    topic.publish(2)
    await topic.rest()
    assert await topic.join(ada) == Joined(T, Seq(topic.seq), True, 0, None)
    topic.publish(2)
    await topic.rest()
    assert ada.seqs == [30, 40]


@pytest.mark.gen_test
async def test_a_returning_subscriber_gets_what_it_missed_and_then_what_comes() -> None:
    topic, ada = Topic(), Subscriber()
    topic.publish(4)
    await topic.rest()
    joined = await topic.join(ada, 20)
    assert (joined.seq, joined.recovered, joined.replayed) == (40, True, 2)
    topic.publish()
    await topic.rest()
    assert ada.seqs == [30, 40, 50]


@pytest.mark.gen_test
async def test_nothing_falls_between_replay_and_live_whatever_waits_when_the_join_comes() -> None:
    topic, ada = Topic(), Subscriber()
    topic.publish(3)
    await topic.rest()
    topic.publish(2)
    topic.mailbox.control(Join(ada.mailbox, EARLIEST))
    topic.publish(2)
    await topic.rest()
    ada.answers()
    assert ada.seqs == [10, 20, 30, 40, 50, 60, 70]


@pytest.mark.gen_test
async def test_earliest_is_everything_that_is_kept() -> None:
    topic, ada = Topic(history_messages=3), Subscriber()
    topic.publish(5)
    await topic.rest()
    assert (await topic.join(ada, EARLIEST)).replayed == 3
    assert ada.seqs == [30, 40, 50]


@pytest.mark.parametrize("since", [5, 1_000, "0b6f1d6e-8a51-4f3c-9d55-1f2e3a4b5c6d", 10])
@pytest.mark.gen_test
async def test_an_unknown_or_forgotten_position_recovers_nothing_and_is_live_from_now(since: Any) -> None:
    topic, ada = Topic(history_messages=2), Subscriber()
    topic.publish(4)
    await topic.rest()
    joined = await topic.join(ada, since)
    assert (joined.seq, joined.recovered, joined.replayed, joined.since) == (40, False, 0, since)
    topic.publish()
    await topic.rest()
    assert ada.seqs == [50]


@pytest.mark.gen_test
async def test_messages_older_than_their_time_are_not_replayed_and_the_top_is_still_good() -> None:
    topic, late, current = Topic(history_ttl_s=5.0), Subscriber(), Subscriber()
    topic.publish(2)
    await topic.join(Subscriber())
    topic.world.clock.advance(5.5)
    assert not (await topic.join(late, 10)).recovered
    assert (await topic.join(current, 20)).recovered


@pytest.mark.gen_test
async def test_a_replay_longer_than_the_mailbox_comes_in_pages_and_live_messages_follow_it() -> None:
    topic, ada = Topic(), Subscriber(max_messages=4)
    topic.publish(9)
    await topic.rest()
    joined = await topic.join(ada, 10)
    assert (joined.recovered, joined.replayed) == (True, 8)
    assert len(ada.seqs) < 8
    topic.publish()
    await topic.rest()
    assert await topic.catch_up(ada) > 1
    assert ada.seqs == [20, 30, 40, 50, 60, 70, 80, 90, 100]
    topic.publish()
    await topic.rest()
    assert ada.seqs[-1] == 110
    assert ada.mailbox.position_of(T) is None


@pytest.mark.gen_test
async def test_joining_twice_brings_nothing_twice() -> None:
    topic, ada = Topic(), Subscriber()
    await topic.join(ada)
    topic.publish(2)
    await topic.rest()
    again = await topic.join(ada, EARLIEST)
    assert (again.seq, again.recovered, again.replayed) == (20, True, 0)
    topic.publish()
    await topic.rest()
    assert ada.seqs == [10, 20, 30]


@pytest.mark.gen_test
async def test_who_left_gets_nothing_more_and_is_told_if_it_asked() -> None:
    topic, ada, bob = Topic(), Subscriber(), Subscriber()
    await topic.join(ada)
    await topic.join(bob)
    topic.mailbox.control(Leave(ada.mailbox, answer=True))
    topic.mailbox.control(Leave(bob.mailbox, answer=False))
    topic.publish()
    await topic.rest()
    assert ada.answers() == [Left(T)]
    assert bob.answers() == []
    assert ada.seqs == bob.seqs == []


@pytest.mark.gen_test
async def test_leaving_what_was_never_joined_is_answered_as_well() -> None:
    topic, ada = Topic(), Subscriber()
    topic.mailbox.control(Leave(ada.mailbox, answer=True))
    await topic.rest()
    assert ada.answers() == [Left(T)]


@pytest.mark.gen_test
async def test_publishes_that_wait_together_are_one_write_for_each_subscriber() -> None:
    topic, ada = Topic(), Subscriber()
    await topic.join(ada)
    writes = []
    real = ada.socket.send
    ada.mailbox.hand_over = lambda frame: writes.append(len(frame)) or real(frame)  # type: ignore[func-returns-value]
    topic.publish(5)
    await topic.rest()
    assert len(writes) == 1
    assert ada.seqs == [10, 20, 30, 40, 50]
