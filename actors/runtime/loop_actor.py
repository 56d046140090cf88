"""LoopActor: a Pykka actor whose turns run on the asyncio loop, thousands of them in one thread.

Pykka's documented hooks for a new kind of actor are ``_create_actor_inbox``, ``_create_future`` and
``_start_actor_loop``. Its thread's endless loop becomes turns: a message wakes the actor, the loop calls
``_turn``, and the actor handles what waits. An idle actor costs no task and no thread.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Generic, TypeVar

import pykka
from pykka.messages import _ActorStop

from actors.ports import Clock
from actors.runtime.exit import Exit, Hung, Stop
from actors.runtime.loop_future import LoopFuture
from actors.runtime.mailbox import ControlLane, Mailbox
from actors.runtime.task_end import end_of

__all__ = ["LoopActor"]

TURN_BUDGET = 64  # messages in one turn, so that a busy actor lets the others have the loop

Box = TypeVar("Box", bound=ControlLane)

_numbers = itertools.count(1)


class _Stopped:
    """Stands in for Pykka's ``threading.Event``: a flag is enough where there is one thread."""

    __slots__ = ("_set",)

    def __init__(self) -> None:
        self._set = False

    def set(self) -> None:
        self._set = True

    def is_set(self) -> bool:
        return self._set


class _Personal:
    """``message`` for one incarnation only: what is still in the mailbox when that is over is for nobody."""

    __slots__ = ("addressee", "message")

    def __init__(self, addressee: object, message: object) -> None:
        self.addressee = addressee
        self.message = message


class LoopActor(pykka.Actor, Generic[Box]):
    """Owns one mailbox; handles one message at a time in ``on_receive``.

    ``on_receive`` may return an awaitable: the actor then holds until it is done, while its mailbox fills.
    Any exception, ``CancelledError`` and ``SystemExit`` among them, ends this incarnation only.
    Loop actors are not in Pykka's registry, which is a list that every end would search: the supervisor
    is the index. ``label`` is what logs call it.
    """

    hold_s: ClassVar[float] = 30.0
    """Seconds after which an actor that is still held by one message has failed."""

    def __init__(self, mailbox: Box) -> None:
        # Pykka's own __init__ makes a uuid4, a threading.Event and a weak reference per actor.
        self.mailbox = mailbox
        self.actor_inbox = mailbox  # type: ignore[assignment]  # pykka's protocol wants its private Envelope
        self.actor_urn = f"{type(self).__name__}:{next(_numbers)}"
        self.actor_stopped = _Stopped()  # type: ignore[assignment]
        self.label = self.actor_urn
        self.generation = 1
        self._on_exit: Callable[[Exit], None] | None = None
        self._turn_is_due = False
        self._in_turn = False
        self._holding: asyncio.Future[Any] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._message: object = None
        self._reminder: asyncio.TimerHandle | None = None

    @property
    def actor_ref(self) -> pykka.ActorRef[Any]:
        return pykka.ActorRef(self)

    @staticmethod
    def _create_actor_inbox() -> Any:
        return Mailbox(max_messages=1000, max_control=1000)

    @staticmethod
    def _create_future() -> LoopFuture:
        return LoopFuture()

    def run(self, on_exit: Callable[[Exit], None], generation: int, label: str | None = None) -> None:
        """Begin: ``on_start`` is run now, so that who is started next finds this one ready.

        ``on_exit`` hears of the end, whatever it is; also before this returns, where the start fails.
        """
        self._on_exit = on_exit
        self.generation = generation
        self.label = label or self.actor_urn
        self._start_actor_loop()

    def stop(self) -> None:
        """Ask it to end in order, ahead of all data that waits."""
        self.mailbox.control(_Personal(self, Stop()))

    def end(self) -> None:
        """End in order, in this very turn; what waits in the mailbox is not handled by this incarnation."""
        self._exit(None)

    def set_reminder(self, clock: Clock, delay_s: float, message: object) -> None:
        """Get ``message`` into the control lane after ``delay_s`` seconds, in place of any earlier reminder.

        It ends with this incarnation: the next one never hears a reminder that it did not set.
        """
        self.forget_reminder()
        self._reminder = clock.call_later(delay_s, lambda: self.mailbox.control(_Personal(self, message)))

    def forget_reminder(self) -> None:
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None

    def _start_actor_loop(self) -> None:
        try:
            self.on_start()
            unfinished = None if self.actor_stopped.is_set() else self.take_up()
        except BaseException as failure:  # noqa: BLE001  # every end is an exit record
            self._exit(failure)
            return
        if self.actor_stopped.is_set():
            return  # the mailbox is the next one's already
        if unfinished is not None:
            self._hold(unfinished)
        self.mailbox.attach(self._wake, self._run_now)

    def _wake(self) -> None:
        if not self._turn_is_due and self._holding is None:
            self._turn_is_due = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _run_now(self) -> None:
        """Take a turn, unless one is under way: that one will find what came."""
        if not self._in_turn and self._holding is None:
            self._turn()

    def _turn(self) -> None:
        self._turn_is_due = False
        self._in_turn = True
        try:
            self._handle_waiting()
        except BaseException as failure:  # noqa: BLE001
            self._exit(failure)
        finally:
            self._in_turn = False

    def _handle_waiting(self) -> None:
        for _ in range(TURN_BUDGET):
            if self.actor_stopped.is_set():
                return
            message = self._message = self.mailbox.take()
            if message is None:
                return
            unfinished = self._receive(message)
            if unfinished is not None:
                self._hold(unfinished)
                return
        self._wake()

    def _receive(self, message: object) -> Awaitable[object] | None:
        if isinstance(message, _Personal):
            if message.addressee is not self:
                return None
            message = self._message = message.message
        if isinstance(message, Stop):
            self._exit(None)
            return None
        if hasattr(message, "reply_to") and hasattr(message, "message"):
            self._receive_from_pykka(message)
            return None
        return self.on_receive(message)

    def on_receive(self, message: object) -> Awaitable[object] | None:
        """Handle one message of the mailbox; an awaitable holds the actor until it is done."""
        raise NotImplementedError(f"{type(self).__name__} was told {type(message).__name__}")

    def take_up(self) -> Awaitable[object] | None:
        """Finish what an earlier incarnation left half done, before anything that waits; as ``on_receive``."""
        return None

    def _receive_from_pykka(self, envelope: Any) -> None:
        """``tell``, ``ask`` and proxies, as on any Pykka actor: a failure goes to the asker, if there is one."""
        if isinstance(envelope.message, _ActorStop):
            self._exit(None)
            response = None
        else:
            try:
                response = self._handle_receive(envelope.message)
            except BaseException as failure:
                if envelope.reply_to is not None:
                    envelope.reply_to.set_exception((type(failure), failure, failure.__traceback__))
                if envelope.reply_to is None or not isinstance(failure, Exception):
                    raise
                return
        if envelope.reply_to is not None:
            envelope.reply_to.set(response)

    def _hold(self, unfinished: Awaitable[object]) -> None:
        self._holding = asyncio.ensure_future(_kept_from_the_loop(self, unfinished))
        self._holding.add_done_callback(self._held)
        self._patience = asyncio.get_running_loop().call_later(self.hold_s, self._lose_patience)

    def _lose_patience(self) -> None:
        """A stuck coroutine cannot be killed, only cancelled: this incarnation is over whether it ends or not."""
        self._exit(Hung(self.hold_s))

    def _held(self, task: asyncio.Future[Any]) -> None:
        self._holding = None
        if self._patience is not None:
            self._patience.cancel()
        if self.actor_stopped.is_set():
            return
        failure = asyncio.CancelledError() if task.cancelled() else task.exception() or task.result()
        if failure is not None:
            self._exit(failure)
        else:
            self._message = None
            self._wake()

    def _exit(self, failure: BaseException | None) -> None:
        """End this incarnation once, and tell whoever watches."""
        if self.actor_stopped.is_set():
            return
        self.actor_stopped.set()
        self.mailbox.detach()
        self.forget_reminder()
        if self._patience is not None:
            self._patience.cancel()
        if self._holding is not None:
            self._holding.cancel()
        failure = self._say_goodbye(failure)
        record = Exit(self.label, self.generation, failure, self._message, len(self.mailbox))
        if self._on_exit is not None:
            self._on_exit(record)

    def _say_goodbye(self, failure: BaseException | None) -> BaseException | None:
        """Run the actor's own hook; what it raises is the exit's failure."""
        try:
            if failure is None:
                self.on_stop()
            else:
                self.on_failure(type(failure), failure, failure.__traceback__)
        except BaseException as worse:  # noqa: BLE001
            return worse
        return failure


async def _kept_from_the_loop(actor: LoopActor[Any], unfinished: Awaitable[object]) -> BaseException | None:
    """``actor`` is there to be found on the stack by whoever asks who has the loop."""
    return await end_of(unfinished)
