"""The table of what is followed, before a store that does as the test says."""

import asyncio

import pytest
from bus_contract import Inbox
from loop_turns import turns

import server.bus.following as following
from actors.ports import Placed, Top, TopicFull
from actors.protocol.envelope import Seq, TopicName
from server.bus.door import Door
from server.bus.followed import Stored
from server.bus.following import Following

A, B = TopicName("a"), TopicName("b")


class GatedStore:
    """Every topic's top is 10, and nothing is stored; a read is answered once ``gate`` is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.reading = 0
        self.subscribed: list[TopicName] = []

    async def subscribe(self, topic: TopicName) -> None:
        self.subscribed.append(topic)

    async def read(self, topic: TopicName, after: Seq, limit: int) -> Stored:
        self.reading += 1
        await self.gate.wait()
        self.reading -= 1
        return Stored(Top(Seq(10)), [])


class Setting:
    def __init__(self) -> None:
        self.store, self.inbox, self.left = GatedStore(), Inbox(), list[TopicName]()
        door = Door()
        door.open(self.inbox)
        self.following = Following(self.store, door, self.left.append)


@pytest.mark.gen_test
async def test_a_topic_is_found_and_its_top_told_until_it_is_left() -> None:
    setting = Setting()
    setting.store.gate.set()
    followed = setting.following.follow(A)
    assert setting.following.top(A).seq == 0
    await followed.load()
    assert setting.store.subscribed == [A]
    assert setting.following.get(A) is followed
    assert setting.following.everything() == [followed]
    assert setting.following.top(A).seq == 10
    followed.close()
    assert setting.following.get(A) is setting.following.get(None) is None
    assert (setting.following.everything(), setting.left) == ([], [A])
    assert setting.following.top(A).seq == 0


def test_one_that_was_followed_anew_is_not_left_by_the_end_of_the_one_before() -> None:
    setting = Setting()
    before = setting.following.follow(A)
    now = setting.following.follow(A)
    before.close()
    assert (setting.following.get(A), setting.left) == (now, [])


def test_a_publish_is_refused_where_the_topic_runs_here_and_has_no_room() -> None:
    setting = Setting()
    setting.inbox.full |= {A, B}
    setting.following.follow(A)
    with pytest.raises(TopicFull, match="mailbox is full"):
        setting.following.admit(A)
    setting.following.admit(B)
    setting.inbox.full.clear()
    setting.following.admit(A)


@pytest.mark.gen_test
async def test_what_was_published_here_is_noted_and_the_first_position_of_a_known_id_is_not() -> None:
    setting = Setting()
    setting.store.gate.set()
    followed = setting.following.follow(A)
    await followed.load()
    setting.following.note(B, Placed(Seq(20), Seq(10), duplicate=False))
    setting.following.note(A, Placed(Seq(20), Seq(10), duplicate=True))
    assert not followed.has_fallen_behind
    setting.following.note(A, Placed(Seq(20), Seq(10), duplicate=False))
    assert followed.has_fallen_behind


@pytest.mark.gen_test
async def test_only_so_many_topics_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "MAX_READS", 3)
    setting = Setting()
    loads = [asyncio.ensure_future(setting.following.follow(TopicName(str(number))).load()) for number in range(5)]
    await turns()
    assert setting.store.reading == 3
    setting.store.gate.set()
    assert [past.top.seq for past in await asyncio.gather(*loads)] == [10] * 5
