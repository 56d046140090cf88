"""The loop watchdog: says that the event loop stands still, and which actor has it.

A loop that is stalled cannot say so itself. A daemon thread therefore compares the time with the loop's last
heartbeat, and where that is too old it reads the stack of the loop's thread. Actors pay nothing for it: an actor
is found by the frames that its turn leaves on the stack anyway.

``LoopWatchdog`` owns the thread and the last heartbeat.
"""

import asyncio
import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import isfunction
from types import CodeType, FrameType, MappingProxyType

from actors.runtime.loop_actor import LoopActor, _kept_from_the_loop
from actors.runtime.stall_times import Stall, StallTimes

__all__ = ["LoopWatchdog", "Sighting"]

log = logging.getLogger("fanwire.loop")

JOIN_S = 1.0
STACK_FRAMES = 40
STACK_CHARACTERS = 8000  # below what a log line may have, which is cut at the wrong end: the innermost stands last

# While an actor has the loop, the innermost of these on the stack holds it in the local variable of that name.
_ACTORS_LOCAL: Mapping[CodeType, str] = MappingProxyType(
    {method.__code__: "self" for method in vars(LoopActor).values() if isfunction(method)}
    | {_kept_from_the_loop.__code__: "actor"}
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a thread was doing at one moment; places are ``file:line in function``.

    ``actor`` is the label of the actor whose turn it is, None where no actor is on the stack. ``where`` is the
    innermost place in our own code, None where there is none, and ``innermost`` the innermost of all. ``stack``
    ends with the innermost call and is cut at its beginning.
    """

    actor: str | None
    where: str | None
    innermost: str
    stack: str

    @classmethod
    def of(cls, frame: FrameType, own_code: Sequence[str]) -> "Sighting":
        """``own_code``: the packages that are ours.

        It returns text only. Whoever drops a frame last destroys what it held, and this should be the loop's thread.
        """
        frames = [found for found, _ in traceback.walk_stack(frame)]
        ours = (_place(found) for found in frames if _is_own(found, own_code))
        actor, where, innermost = _actor_among(frames), next(ours, None), _place(frame)
        # Last, since it reads source files, which lets the loop's thread run on if it can.
        stack = "".join(traceback.extract_stack(frame, STACK_FRAMES).format())
        return cls(actor, where, innermost, stack[-STACK_CHARACTERS:])


class LoopWatchdog:
    """Watches the loop that calls ``start``, from then until ``stop``. To be used once.

    It looks every ``check_s`` seconds. Its owner calls ``beat`` on the loop, clearly more often than every
    ``stall_s`` seconds. ``now`` is the clock that heartbeats are told in, ``cpu_time`` what the process has used.

    What it cannot see: which actor, where the code at fault is a task or a callback of its own, which no actor
    waits for in its turn; and a stall in C that keeps the interpreter's lock and yet uses no CPU.
    """

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        *,
        cpu_time: Callable[[], float] = time.process_time,
        check_s: float = 0.05,
        stall_s: float = 0.5,
        repeat_s: float = 1.0,
        own_code: Sequence[str] = ("actors", "server"),
    ) -> None:
        self._now, self._cpu_time = now, cpu_time
        self._check_s, self._stall_s, self._repeat_s = check_s, stall_s, repeat_s
        self._own_code = own_code
        self._beat_s = now()
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Raises: RuntimeError where no loop runs in this thread."""
        loop, thread = asyncio.get_running_loop(), threading.get_ident()
        self._beat_s = self._now()
        self._thread = threading.Thread(
            target=self._watch_until_stopped, args=(loop, thread), name="fanwire-loop-watchdog", daemon=True
        )
        self._thread.start()

    def beat(self, now_s: float) -> None:
        """The loop lives. Raises: RuntimeError where the watchdog does not, with the reason as its cause."""
        self._beat_s = now_s
        if self._failure is not None:
            raise RuntimeError("the loop watchdog's thread has failed") from self._failure

    def stop(self) -> None:
        """End the thread, and wait a second for it at most. Does nothing where it has not started or has ended."""
        self._stopping.set()
        if self._thread is None:
            return
        self._thread.join(JOIN_S)
        if self._thread.is_alive():
            log.error("the loop watchdog's thread does not end and is abandoned", extra={"timeout_s": JOIN_S})

    def _watch_until_stopped(self, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        try:
            self._watch(loop, thread)
        except BaseException as failure:  # noqa: BLE001  # raised again where somebody hears it: in the next beat
            self._failure = failure

    def _watch(self, loop: asyncio.AbstractEventLoop, thread: int) -> None:
        times = StallTimes(
            self._now(), self._cpu_time(), check_s=self._check_s, stall_s=self._stall_s, repeat_s=self._repeat_s
        )
        # A loop that was closed with its actors still in it has nobody left who would stop this thread.
        while not self._stopping.wait(self._check_s) and not loop.is_closed():
            now_s = self._now()
            # A loop that nobody runs is at rest, which is no stall.
            beat_s = self._beat_s if loop.is_running() else now_s
            stall = times.look(now_s, self._cpu_time(), beat_s)
            if stall is not None and stall.over:
                _tell_end(stall)
            elif stall is not None:
                _tell(stall, Sighting.of(sys._current_frames()[thread], self._own_code))


def _actor_among(frames: Sequence[FrameType]) -> str | None:
    for frame in frames:
        # Only of frames that are known to have it: until Python 3.12, f_locals is a copy that stays with its frame.
        local = _ACTORS_LOCAL.get(frame.f_code)
        actor = frame.f_locals.get(local) if local is not None else None
        if isinstance(actor, LoopActor):
            return actor.label
    return None


def _is_own(frame: FrameType, own_code: Sequence[str]) -> bool:
    module = str(frame.f_globals.get("__name__"))
    return any(module == package or module.startswith(f"{package}.") for package in own_code)


def _place(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"


def _tell(stall: Stall, seen: Sighting) -> None:
    if not log.isEnabledFor(logging.WARNING):
        return
    message = "the event loop is stalled"
    if stall.told > 1:
        message = "the event loop is still stalled: a stuck thread cannot be killed, only its process can"
    extra = {"actor": seen.actor, "for_s": round(stall.for_s, 3), "where": seen.where, "innermost": seen.innermost}
    # log.warning would write down the stack of this thread; another's can only be put into the record itself.
    record = log.makeRecord(
        log.name, logging.WARNING, __file__, 0, message, (), None, "_tell", extra, f"The loop's stack:\n{seen.stack}"
    )
    log.handle(record)


def _tell_end(stall: Stall) -> None:
    log.info("the event loop runs again after a stall", extra={"for_s": round(stall.for_s, 3)})
