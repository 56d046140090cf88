"""One mailbox, several topics, each with its own policy, before a socket that takes any number of bytes.

Two judges watch: a reference mailbox says what has to become of each message, and a browser reads the bytes
that come out and holds the gateway to its promise.
"""

import json
import time
from collections.abc import Sequence

from fake_socket import FakeSocket, payloads_of
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from model_browser import Browser
from model_topic import FINAL, ModelTopic
from reference_mailbox import ReferenceMailbox

from actors.backlog import Lost
from actors.client_mailbox import ClientMailbox
from actors.client_signals import WRITABLE, Overflowed, SlowEpisode
from actors.delivery import Delivery
from actors.fan_out import Missed, fan_out
from actors.meter import Meter
from actors.metrics import WS_DROPPED_MESSAGES
from actors.protocol.frame import text_frame
from actors.runtime.mailbox import Outcome
from actors.runtime.overflow import OverflowPolicy

MAX_MESSAGES = 6
MAX_BYTES = 1_500
DRAIN_BYTES = 500
TURN_MAX = 100  # messages in one turn of the actor: more means that it spins

Publish = tuple[str, str | None, int]
PUBLISHES = st.tuples(
    st.sampled_from(["x", "y", FINAL]), st.sampled_from([None, None, "k", "x"]), st.sampled_from([0, 60, 390])
)
NUMBERS = st.integers(0, 3)
ROOMS = st.sampled_from([0, 1, 100, 300, 700, 2_000])


class WatchedMailbox(ClientMailbox):
    """Asks the reference about each message that was not handed over to the kernel."""

    machine: "SlowBrowserAndItsTopics"

    def offer(self, delivery: Delivery) -> Outcome:
        expected = self.machine.expect(delivery, self._socket.unsent_bytes)
        outcome = super().offer(delivery)
        assert outcome is expected, f"{delivery} was {outcome}, not {expected}"
        return outcome


class SlowBrowserAndItsTopics(RuleBasedStateMachine):
    @initialize(policies=st.lists(st.sampled_from([*OverflowPolicy]), min_size=1, max_size=4), finals=st.sets(NUMBERS))
    def connect_first(self, policies: list[OverflowPolicy], finals: set[int]) -> None:
        self.topics = {
            f"t{number}": ModelTopic(f"t{number}", policy, has_finals=number in finals)
            for number, policy in enumerate(policies)
        }
        self.browser = Browser(self.topics)
        self.connect()
        for name in self.topics:
            self.browser.join(name, 0)

    def connect(self) -> None:
        self.socket = FakeSocket(0)
        self.reference = ReferenceMailbox(max_messages=MAX_MESSAGES, max_bytes=MAX_BYTES)
        self.meter = Meter()
        self.mailbox = WatchedMailbox(
            self.socket,
            lambda topic: self.topics[topic].policy,
            self.meter,
            time.monotonic,
            max_messages=MAX_MESSAGES,
            max_bytes=MAX_BYTES,
            max_topics=len(self.topics),
        )
        self.mailbox.machine = self
        self.expected: list[bytes] = []
        self.offered: list[Delivery] = []
        self.asked: list[str] = []
        self.holds = self.read_to = self.other_bytes = self.number = 0
        self.attached = self.awake = False
        self.attach()

    def topic(self, number: int) -> ModelTopic:
        return self.topics[f"t{number % len(self.topics)}"]

    def expect(self, message: Delivery, unsent: int) -> Outcome:
        self.offered.append(message)
        return self.reference.offer(self.topics[message.topic], message, unsent)

    @rule(number=NUMBERS, publishes=st.lists(PUBLISHES, min_size=1, max_size=4))
    def publish(self, number: int, publishes: list[Publish]) -> None:
        topic = self.topic(number)
        batch = [topic.publish(*one) for one in publishes]
        if topic.name not in self.browser.cursor:
            return
        self.offered = []
        fan_out(batch, b"".join(one.frame for one in batch), [self.mailbox], Missed())
        direct = batch[: len(batch) - len(self.offered)]
        assert direct + self.offered == batch
        self.look(direct)

    @rule(room=ROOMS)
    def browser_reads(self, room: int) -> None:
        self.socket.let_through(room)

    @rule(number=NUMBERS, publish=PUBLISHES, count=st.integers(1, MAX_MESSAGES + 2))
    def burst(self, number: int, publish: Publish, count: int) -> None:
        for _ in range(count):
            self.publish(number, [publish])

    @rule(room=ROOMS)
    def browser_reads_and_the_actor_follows(self, room: int) -> None:
        self.socket.let_through(room)
        if self.attached:
            self.actor_takes_its_turn()

    @rule(kind=st.sampled_from(["reply", "request"]))
    def gateway_talks(self, kind: str) -> None:
        """A reply goes straight to the socket, ahead of what waits; a request to the actor does in the mailbox."""
        self.number += 1
        if kind == "reply":
            self.write_control(kind, {"number": self.number})
            self.look([])
        elif len(self.reference.control) < 5:
            self.mailbox.control(self.number)
            self.reference.control.append(self.number)

    @rule()
    def hold_or_release(self) -> None:
        if self.holds:
            self.mailbox.release()
        else:
            self.mailbox.hold()
        self.holds = 1 - self.holds

    @rule()
    def attach_or_detach(self) -> None:
        if self.attached:
            self.mailbox.detach()
            self.attached = self.awake = False
        else:
            self.attach()

    def attach(self) -> None:
        self.mailbox.attach(self.wake)
        self.attached = True

    def wake(self) -> None:
        self.awake = True

    @precondition(lambda self: self.attached)
    @rule()
    def actor_takes_its_turn(self) -> None:
        self.awake = False
        for _ in range(TURN_MAX):
            message = self.mailbox.take()
            if message is None:
                return
            if message is WRITABLE:
                assert not self.reference.control, "data before control"
                self.drain()
            else:
                self.compare_control(message, self.reference.control.pop(0))
        raise AssertionError(f"the actor spins on {message}")

    def compare_control(self, message: object, expected: object) -> None:
        if isinstance(message, SlowEpisode) and isinstance(expected, SlowEpisode):
            assert (message.depth, message.policy) == (expected.depth, expected.policy)
            assert message.topics
            assert set(message.topics) <= {*self.topics}
        elif isinstance(expected, Overflowed):
            assert message == expected
        else:
            assert message is expected

    def drain(self) -> None:
        while not self.socket.blocked:
            batch = self.mailbox.take_batch(DRAIN_BYTES)
            if not batch.items:
                self.note_rest()
                break
            messages = [item for item in batch.items if isinstance(item, Delivery)]
            self.reference.took(messages)
            frames = [item.frame if isinstance(item, Delivery) else self.gap_frame(item) for item in batch.items]
            self.socket.write(b"".join(frames))
            self.look(messages)
        self.asked += self.mailbox.take_refills()

    @precondition(lambda self: self.asked)
    @rule(number=NUMBERS)
    def topic_answers_a_refill(self, number: int) -> None:
        topic = self.topics[self.asked.pop(number % len(self.asked))]
        position = self.mailbox.position_of(topic.name)
        if position is None or topic.name not in self.browser.cursor:
            return
        waiting = self.reference.of_topic(topic.name)
        assert position == (waiting[-1].seq if waiting else self.browser.cursor[topic.name])
        missed = topic.behind(position)
        if missed is not None:
            self.refill(topic, missed, None)
        elif topic.has_finals:
            self.reference.overflow(topic)
            self.mailbox.overflow(topic.name)
        else:
            topic.lose_history_behind(position)
            self.refill(topic, topic.kept, position)

    def refill(self, topic: ModelTopic, missed: Sequence[Delivery], lost_after: int | None) -> None:
        at_rest = not (self.reference.waiting or self.socket.blocked)
        self.mailbox.refill(topic.name, missed[: MAX_MESSAGES + 1], lost_after=lost_after)
        position = self.mailbox.position_of(topic.name)
        added = [message for message in missed if position is None or message.seq <= position]
        assert added or not (at_rest and missed), "a mailbox at rest was refilled with nothing"
        self.reference.refilled(topic.name, added, is_live=position is None)

    @rule(number=NUMBERS, keeps=st.integers(0, 4))
    def history_forgets(self, number: int, keeps: int) -> None:
        self.topic(number).forget(but=keeps)

    @rule(number=NUMBERS, back=st.sampled_from([0, 1, 3, 20]))
    def leave_or_join(self, number: int, back: int) -> None:
        """Joins since the message that is ``back`` from the top."""
        topic = self.topic(number)
        if topic.name in self.browser.cursor:
            self.mailbox.forget_topic(topic.name)
            self.reference.forget(topic.name)
            self.browser.leave(topic.name)
        else:
            chain = [0, *(message.seq for message in topic.chain)]
            self.join_since(topic, chain[max(0, len(chain) - 1 - back)])

    def join_since(self, topic: ModelTopic, since: int) -> None:
        missed = topic.behind(since)
        self.browser.join(topic.name, topic.top if missed is None else since)
        if missed and not self.reference.is_closed:
            self.reference.behind.add(topic.name)
            self.mailbox.fall_behind(topic.name, missed[0].prev)
            self.refill(topic, missed, None)

    @precondition(lambda self: self.reference.is_closed)
    @rule()
    def reconnect(self) -> None:
        """Come back and resume each topic where it was left."""
        self.finish()
        self.connect()
        for name, position in self.browser.cursor.items():
            self.join_since(self.topics[name], position)

    @rule()
    def finish(self) -> None:
        """The browser catches up: nothing waits any more, and everything is accounted for."""
        self.attach()
        if self.holds:
            self.hold_or_release()
        published = sum(len(topic.chain) for topic in self.topics.values())
        for _ in range(2 * published + TURN_MAX):
            self.socket.let_through(None)
            self.actor_takes_its_turn()
            if not self.asked and not self.awake:
                break
            while self.asked:
                self.topic_answers_a_refill(0)
        assert not self.asked, "the mailbox asks for ever"
        assert (self.mailbox.depth, self.mailbox.bytes_waiting) == (0, 0)
        if not self.reference.is_closed:
            self.browser.assert_nothing_is_owed()
            assert all(self.browser.told[topic] == self.reference.lost[topic] for topic in self.browser.cursor)
        self.socket.room = 0

    def teardown(self) -> None:
        self.finish()

    def gap_frame(self, lost: Lost) -> bytes:
        data = {"topic": lost.topic, "from": lost.after, "to": lost.to, "dropped": lost.dropped}
        frame = text_frame(json.dumps({"topic": "system", "type": "gap", "data": data}).encode())
        self.other_bytes += len(frame)
        return frame

    def write_control(self, kind: str, data: dict[str, object]) -> None:
        frame = text_frame(json.dumps({"topic": "system", "type": kind, "data": data}).encode())
        self.other_bytes += len(frame)
        self.socket.write(frame)

    def look(self, sent: Sequence[Delivery]) -> None:
        """The browser reads what was written, or is on its way: ``sent`` and whatever stands between."""
        stream = self.socket.stream
        payloads = [payload for _, payload in payloads_of(stream[self.read_to :])]
        frames = b"".join(text_frame(payload) for payload in payloads)
        assert frames == stream[self.read_to :], "something is interleaved, or a frame is not whole"
        self.read_to = len(stream)
        data = [
            frame for frame in map(text_frame, payloads) if json.loads(payloads_of(frame)[0][1])["topic"] in self.topics
        ]
        assert data == [message.frame for message in sent]
        self.browser.read(payloads)
        self.note_rest()

    def is_at_rest(self) -> bool:
        return not self.reference.waiting and self.browser.is_up_to_date

    def note_rest(self) -> None:
        if not self.socket.blocked:
            self.other_bytes = 0
            if self.is_at_rest():
                self.reference.is_slow = False

    @invariant()
    def it_is_what_the_reference_is(self) -> None:
        self.note_rest()
        assert self.mailbox.depth == len(self.reference.waiting)
        assert self.mailbox.bytes_waiting == self.reference.bytes + self.socket.unsent_bytes
        assert self.mailbox.dropped == self.reference.dropped
        assert self.mailbox.high_water == self.reference.high_water
        dropped = {policy: count for policy, count in self.meter.counts(WS_DROPPED_MESSAGES).items() if count}
        assert dropped == {policy: count for policy, count in self.reference.policy_drops.items() if count}

    @invariant()
    def the_bounds_hold(self) -> None:
        assert self.mailbox.depth <= MAX_MESSAGES
        assert self.mailbox.bytes_waiting - self.other_bytes <= MAX_BYTES

    @invariant()
    def the_short_cut_is_open_exactly_when_nothing_is_in_the_way(self) -> None:
        straight = not (self.socket.blocked or self.holds or self.reference.is_closed) and self.is_at_rest()
        assert (self.mailbox.hand_over is self.socket.send) is (straight and self.attached)

    @invariant()
    def an_actor_with_work_is_awake(self) -> None:
        assert self.awake or not self.attached or self.mailbox.empty()


TestSlowBrowserAndItsTopics = SlowBrowserAndItsTopics.TestCase
TestSlowBrowserAndItsTopics.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
