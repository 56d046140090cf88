"""One client's mailbox: what its topics have for it and its socket has not taken yet.

An empty mailbox in front of a writable socket is a short cut: fan-out gives the frame to the kernel in the
same turn (``hand_over``), and nothing is queued, scheduled or copied. Only what the kernel refuses waits
here, bounded by messages and by bytes, what the socket still buffers included. What does not fit is decided
by the overflow policy of its topic.
"""

from collections.abc import Callable, Sequence

from actors.backlog import Backlog, Batch
from actors.client_signals import WRITABLE, Broken, Overflowed, SlowEpisode, SocketLost, Stalled
from actors.delivery import Delivery
from actors.lane import Gap, Lane
from actors.meter import Meter
from actors.metrics import WS_DROPPED_MESSAGES, WS_PUBLISH_TO_SOCKET, WS_SENT_BYTES, WS_SENT_MESSAGES
from actors.ports import Socket
from actors.protocol.envelope import Seq, TopicName
from actors.replay_page import page_for
from actors.runtime.mailbox import ControlLane, Outcome
from actors.runtime.overflow import LOSSY, Excess, OverflowPolicy, Verdict, decide

__all__ = ["ClientMailbox"]

# Control messages of one client: a command and its answers from up to topics_per_client topics at a time
# (the reader waits for each command), heartbeat, renewal, a slow episode, overflow, stop.
CONTROL_SPARE = 32


def nobody() -> None:
    """Hears of a mailbox's unrest where nobody wants to."""


def nothing_taken(frame: bytes) -> int:
    """``hand_over`` while the short cut is closed: everything goes through ``accept``."""
    return 0


class ClientMailbox(ControlLane):
    """Bounded by ``max_messages`` and ``max_bytes``.

    ``hand_over`` is the kernel's own send while four things hold: the socket is not blocked, nothing waits
    here, an actor is attached, and no answer is due that must come before the next message (``hold``).
    ``on_unrest`` is called when the short cut is, or stays, closed. ``slow_since`` is when the slow episode under way
    began, in monotonic seconds: when a policy first had to act.
    """

    __slots__ = (
        "_backlog",
        "_closed",
        "_holds",
        "_meter",
        "_monotonic",
        "_on_unrest",
        "_refills",
        "_socket",
        "dropped",
        "hand_over",
        "high_water",
        "max_bytes",
        "max_messages",
        "slow_since",
    )

    def __init__(
        self,
        socket: Socket,
        policy_of: Callable[[TopicName], OverflowPolicy],
        meter: Meter,
        monotonic: Callable[[], float],
        *,
        max_messages: int,
        max_bytes: int,
        max_topics: int,
        on_unrest: Callable[[], object] = nobody,
    ) -> None:
        super().__init__(max_control=max_topics + CONTROL_SPARE)
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.high_water = 0
        self.dropped = 0
        self.hand_over: Callable[[bytes], int] = nothing_taken
        self._socket = socket
        self._backlog = Backlog(policy_of)
        self._meter = meter
        self._monotonic = monotonic
        self._on_unrest = on_unrest
        self._refills: set[TopicName] = set()
        self._holds = 0
        self._closed = False
        self.slow_since: float | None = None
        socket.watch(self._settle, lambda: self.control(Stalled()))

    @property
    def depth(self) -> int:
        """The messages that wait."""
        return len(self._backlog)

    @property
    def is_at_rest(self) -> bool:
        """The short cut is open: nothing waits, here or in the socket."""
        return self.hand_over is not nothing_taken

    @property
    def bytes_waiting(self) -> int:
        """What waits for this client, here and in its socket's buffer."""
        return self._backlog.bytes + self._socket.unsent_bytes

    def lanes(self) -> Sequence[Lane]:
        """Each topic of which something waits, was lost or is deferred: to look at."""
        return list(self._backlog.lanes())

    def take(self) -> object | None:
        """Control, else WRITABLE where something could go out; that comes from ``take_batch``."""
        if self._control:
            return self._control.popleft()
        return WRITABLE if self._can_drain else None

    def empty(self) -> bool:
        return not (self._control or self._can_drain)

    def attach(self, wake: Callable[[], None], run: Callable[[], None] | None = None) -> None:
        super().attach(wake, run)
        self._settle()

    def detach(self) -> None:
        super().detach()
        self._settle()

    def hold(self) -> None:
        """Let messages wait until ``release``: an answer has to reach the client first."""
        self._holds += 1
        self._settle()

    def release(self) -> None:
        self._holds -= 1
        self._settle()

    def accept(self, deliveries: Sequence[Delivery], taken: int) -> None:
        """Keep what ``hand_over`` did not take: all but the first ``taken`` bytes of the joined frames."""
        if taken:
            self._meter.add(WS_SENT_BYTES, taken)
        for delivery in deliveries:
            if taken <= 0:
                self.offer(delivery)
                continue
            self._note_written(delivery)
            if taken < delivery.size:
                self._socket.write(memoryview(delivery.frame)[taken:])
            taken -= delivery.size

    def offer(self, delivery: Delivery) -> Outcome:
        """Let ``delivery`` wait, or do what its topic's policy says. What a policy drops is counted."""
        if self._closed:
            return Outcome.CLOSED
        self._drain_rather_than_overflow(delivery)
        lane = self._backlog.lane(delivery.topic)
        if lane.behind is not None:
            return Outcome.DEFERRED
        outcome = self._keep(lane, delivery)
        self.high_water = max(self.high_water, len(self._backlog))
        self._settle()
        return outcome

    def fall_behind(self, topic: TopicName, position: Seq) -> None:
        """Everything after ``position`` comes from history, by ``refill``, as the socket drains."""
        self._backlog.lane(topic).behind = position
        self._refills.add(topic)

    def position_of(self, topic: TopicName) -> Seq | None:
        """From where ``topic`` wants to be refilled; ``None`` where it is live."""
        lane = self._backlog.find(topic)
        return lane.behind if lane is not None else None

    def refill(self, topic: TopicName, missed: Sequence[Delivery], *, lost_after: Seq | None = None) -> int:
        """The messages behind ``position_of(topic)``, all there are: as many as a replay has room for are kept.

        Where all of them are, the topic is live again, with this very call. ``lost_after`` is set where history
        no longer reaches back to the position: a gap goes before the oldest message that it still has.
        Returns how many are kept.
        """
        self._refills.discard(topic)
        lane = self._backlog.find(topic)
        if lane is None or self._closed:
            return 0
        page = page_for(lane, missed, self._backlog, self._socket, self.max_messages, self.max_bytes)
        if lost_after is not None and (page or not missed):
            lane.tail = Gap(lost_after, None)
        for delivery in page:
            self._backlog.add(lane, delivery, is_replay=True)
            delivery.trace.replayed += 1
            lane.behind = delivery.seq
        if len(page) == len(missed):
            self._backlog.caught_up(lane)
        self.high_water = max(self.high_water, len(self._backlog))
        self._settle()
        return len(page)

    def take_refills(self) -> list[TopicName]:
        """The topics to ask for more, now that nothing of theirs waits; each is named once until it was refilled."""
        behind = self._backlog.behind()
        wanted = [lane.topic for lane in behind if not lane.entries and lane.topic not in self._refills]
        self._refills.update(wanted)
        return wanted

    def take_batch(self, about_bytes: int) -> Batch:
        """What goes out next, of about so many bytes; empty where nothing waits."""
        batch, slow_since = self._backlog.take(about_bytes), self.slow_since
        self._settle()
        if batch.items:
            self.slow_since = slow_since  # the episode is over once this is written, and not before
        return batch

    def forget_topic(self, topic: TopicName) -> None:
        """Drop what waits of a topic that the client has left."""
        self._refills.discard(topic)
        self._backlog.forget(topic)
        self._settle()

    def overflow(self, topic: TopicName) -> None:
        """Something of ``topic`` that may not be lost cannot be kept: the connection has to end."""
        if not self._closed:
            self._drop(self._backlog.lane(topic).policy, self._backlog.waiting())
            self.close()
            self.control(Overflowed(topic))

    def lost(self) -> None:
        """Fan-out found the connection gone."""
        if not self._closed:
            self.close()
            self.control(SocketLost())

    def broken(self, failure: BaseException) -> None:
        """Fan-out or a write failed here: nobody can tell any more what was sent, so the client has to resume."""
        if not self._closed:
            self.close()
            self.control(Broken(failure))

    def close(self) -> None:
        """Take nothing more, and let go of what waits."""
        self._closed = True
        self._backlog.clear()
        self._settle()

    def _drain_rather_than_overflow(self, delivery: Delivery) -> None:
        """Nobody is slow whose socket is free: its actor has just not had its turn since all this came."""
        if self._can_drain and self._run is not None:
            lane = self._backlog.lane(delivery.topic)
            if self._excess_of(delivery, self._share_of(lane)) is not None:
                self._run()

    def _note_written(self, delivery: Delivery) -> None:
        now = self._monotonic()
        delivery.trace.written += 1
        delivery.trace.last_written = now
        self._meter.add(WS_SENT_MESSAGES)
        self._meter.observe(WS_PUBLISH_TO_SOCKET, now - delivery.trace.received)

    def _keep(self, lane: Lane, delivery: Delivery) -> Outcome:
        superseded = self._backlog.supersede(lane, delivery)
        if superseded is not None:
            self._note_slowness(lane.policy)
            self._drop(lane.policy, [superseded])
        excess = self._excess_of(delivery, self._share_of(lane))
        if excess is not None:
            return self._overflow(lane, delivery, excess)
        self._backlog.add(lane, delivery)
        return Outcome.QUEUED if superseded is None else Outcome.SUPERSEDED

    def _overflow(self, lane: Lane, delivery: Delivery, excess: Excess) -> Outcome:
        self._note_slowness(lane.policy)
        decision = decide(lane.policy, lane, excess, is_final=delivery.is_final)
        match decision.verdict:
            case Verdict.DISCONNECT:
                self._drop(lane.policy, [delivery])
                self.overflow(lane.topic)
                return Outcome.OVERFLOWED
            case Verdict.FALL_BEHIND:
                lane.fall_behind(delivery)
                self._drop(lane.policy, [*self._backlog.forget_messages(lane), delivery])
                return Outcome.DEFERRED
            case Verdict.DROP:
                lane.lose_newcomer(delivery)
                lost = [delivery]
            case Verdict.KEEP:
                lost = [self._backlog.lose(lane, number) for number in decision.evict]
                self._backlog.add(lane, delivery)
        self.dropped += len(lost)
        self._drop(lane.policy, lost)
        return Outcome.DROPPED

    def _drop(self, policy: OverflowPolicy, deliveries: Sequence[Delivery]) -> None:
        self._meter.add(WS_DROPPED_MESSAGES, len(deliveries), policy)
        for delivery in deliveries:
            delivery.trace.drop(policy)

    def _excess_of(self, delivery: Delivery, share: int = 1) -> Excess | None:
        """By how much one part in ``share`` of the bounds would be crossed with one more message, if at all."""
        excess = Excess(
            len(self._backlog) + 1 - self.max_messages // share,
            self.bytes_waiting + delivery.size - self.max_bytes // share,
        )
        return excess if excess.messages > 0 or excess.bytes > 0 else None

    def _share_of(self, lane: Lane) -> int:
        """Topics that may lose messages leave half of the mailbox to those that are being refilled."""
        return 2 if lane.policy in LOSSY and any(self._backlog.behind()) else 1

    def _note_slowness(self, policy: OverflowPolicy) -> None:
        if self.slow_since is None:
            self.slow_since = self._monotonic()
            self.control(SlowEpisode(self._backlog.topics, len(self._backlog), policy))

    @property
    def _can_drain(self) -> bool:
        if self._socket.blocked or self._holds or self._closed:
            return False
        return len(self._backlog) > 0 or self._has_more_than_refills

    @property
    def _has_more_than_refills(self) -> bool:
        """Something besides topics that were asked to refill: a loss to tell, or a topic still to ask."""
        return any(lane.topic not in self._refills for lane in self._backlog.lanes())

    def _settle(self) -> None:
        """Open or close the short cut, and wake the actor where it could drain, after any change of these."""
        at_rest = self._backlog.is_at_rest
        if at_rest and not self._socket.blocked:
            self.slow_since = None
        is_open = at_rest and not (self._socket.blocked or self._holds or self._closed)
        self.hand_over = self._socket.send if is_open and self._wake is not None else nothing_taken
        if not (is_open or self._closed):
            self._on_unrest()
        if self._can_drain:
            self._wake_owner()
