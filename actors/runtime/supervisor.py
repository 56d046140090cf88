"""The supervisor: starts children, hears of every end, starts them again, and gives up in order.

It owns the table of children and their restart logs. It runs no user code and awaits no child while it
decides; actors are held strongly here, since a Pykka ``ActorRef`` holds its actor weakly. A supervisor can be
a child of another one: that is the tree.

Source: OTP supervisor behaviour, with the intensity kept per child: one topic that crashes for ever must
not take its siblings' restarts.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Hashable, Iterable, Sequence
from enum import Enum
from itertools import islice

from actors.ports import Clock
from actors.runtime.child import Child
from actors.runtime.child_spec import ChildSpec, Witness
from actors.runtime.exit import Exit
from actors.runtime.restart import Backoff, Restart, RestartLog

__all__ = ["GaveUp", "Strategy", "Supervisor"]

log = logging.getLogger("fanwire.supervisor")

DEFAULT_BACKOFF = Backoff()


class Strategy(Enum):
    """Who is started again when a child fails."""

    ONE_FOR_ONE = "that child"
    REST_FOR_ONE = "that child and all that were started after it"


class GaveUp(Exception):
    """A supervisor's own failure: it could not make good the failures of ``child``."""

    def __init__(self, child: str) -> None:
        super().__init__(child)
        self.child = child

    def __str__(self) -> str:
        return f"{self.child} failed too often"


class Supervisor:
    """One level of the tree. ``children`` are started with it, in order; others may come and go while it runs.

    ``failures`` and ``restarts`` count those of its children, of all that it ever had.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        witness: Witness,
        *,
        children: Sequence[ChildSpec] = (),
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        backoff: Backoff = DEFAULT_BACKOFF,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.is_running = False
        self.failures = 0
        self.restarts = 0
        self._clock = clock
        self._witness = witness
        self._specs = children
        self._strategy = strategy
        self._backoff = backoff
        self._chance = chance
        self._children: dict[Hashable, Child] = {}
        self._restarted: dict[Hashable, Child] = {}
        self._on_exit: Callable[[Exit], None] | None = None
        self._generation = 0
        self._label = name
        self._winding_down: asyncio.Task[None] | None = None
        self._fallen: dict[Hashable, float] = {}  # whose group is to be started again, after how many seconds
        self._regrouping: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._children)

    def __contains__(self, name: Hashable) -> bool:
        return name in self._children

    def eldest(self, count: int) -> Iterable[Child]:
        """The first ``count`` children of those of now, in the order of their start: to look at."""
        return islice(self._children.values(), count)

    def restarted(self) -> Iterable[Child]:
        """Those of now that are not in their first life: to look at."""
        return self._restarted.values()

    def find(self, name: Hashable) -> Child | None:
        return self._children.get(name)

    def run(self, on_exit: Callable[[Exit], None], generation: int = 1, label: str | None = None) -> None:
        """Start the children; ``on_exit`` hears when all of them have ended, with a failure where it gave up."""
        self._on_exit = on_exit
        self._generation = generation
        self._label = label or self.name
        self.is_running = True
        for spec in self._specs:
            self.start_child(spec)

    def stop(self) -> None:
        """Stop all children, the youngest first, each within its own time; then end."""
        self._wind_down(None)

    async def shut_down(self) -> None:
        """Stop, and return when everything has stopped. For the root, which nobody supervises."""
        self.stop()
        if self._winding_down is not None:
            await asyncio.shield(self._winding_down)

    def end(self) -> None:
        """Stop waiting for children that were asked to stop: end them and this level now."""
        for task in (self._winding_down, self._regrouping):
            if task is not None:
                task.cancel()
        self._regrouping = None
        self._fallen.clear()
        for child in reversed(list(self._children.values())):
            self._cut_off(child)
            self._forget(child)
        self._exit(None)

    def start_child(self, spec: ChildSpec) -> None:
        """Raises: ValueError where a child of that name runs already, or nothing may be started any more."""
        if not self.is_running:
            raise ValueError(f"{self.name} is not running")
        if spec.name in self._children:
            raise ValueError(f"{self.name} has a child {spec.name!r} already")
        child = self._children[spec.name] = Child(spec)
        self._start(child)

    async def stop_child(self, name: Hashable, timeout_s: float | None = None) -> bool:
        """Ask a child to stop, for good; False where it had not done so after ``timeout_s`` (its own ``stop_s``)."""
        child = self._children.get(name)
        if child is None:
            return True
        in_time = await self._bring_down(child, timeout_s)
        self._forget(child)
        return in_time

    async def _bring_down(self, child: Child, timeout_s: float | None = None) -> bool:
        timeout_s = child.spec.stop_s if timeout_s is None else timeout_s
        child.stopping = True
        if child.actor is None:
            return True
        gone = asyncio.get_running_loop().create_future()
        child.gone.append(gone)
        child.actor.stop()
        try:
            async with asyncio.timeout(timeout_s):
                await gone
        except TimeoutError:
            log.error("an actor did not stop in time", extra={"actor": child.spec.label, "timeout_s": timeout_s})
            self._cut_off(child)
            return False
        return True

    def _cut_off(self, child: Child) -> None:
        """End it in this turn: left alone, its late exit would be taken for a successor's."""
        child.stopping = True
        if child.actor is not None:
            child.actor.end()

    def _start(self, child: Child) -> None:
        if child.stopping:
            return
        child.generation += 1
        if child.generation > 1:
            self._restarted[child.spec.name] = child
        try:
            child.actor = child.spec.build()
        except BaseException as failure:  # noqa: BLE001  # an actor that cannot even be made has failed to start
            self._ended(child, Exit(child.spec.label, child.generation, failure, None, 0))
            return
        child.actor.run(lambda record: self._ended(child, record), child.generation, child.spec.label)

    def _ended(self, child: Child, record: Exit) -> None:
        if record.generation != child.generation:
            return
        child.actor = None
        if record.failure is not None:
            self.failures += 1
            self._witness.failed(child.spec.kind, record)
        if child.stopping:
            _tell(child.gone)
        elif self.is_running and child.spec.restart.wants(failed=record.failure is not None):
            self._restart(child, record)
        else:
            self._forget(child)

    def _restart(self, child: Child, record: Exit) -> None:
        if child.restarts is None:
            child.restarts = RestartLog(child.spec.intensity)
        if not child.restarts.record(self._clock.monotonic()):
            self._give_up(child, record)
            return
        delay_s = self._backoff.delay_s(child.restarts.recent - 1, self._chance)
        if self._strategy is Strategy.REST_FOR_ONE:
            self._fallen[child.spec.name] = delay_s
            self._regrouping = self._regrouping or asyncio.ensure_future(self._regroup())
        elif delay_s == 0.0:
            self._start_again(child)
        else:
            self._clock.call_later(delay_s, lambda: self._start_again(child))

    def _start_again(self, child: Child) -> None:
        if not child.stopping:
            self.restarts += 1
            self._witness.restarted(child.spec.kind)
            self._start(child)

    async def _regroup(self) -> None:
        """Rest for one: stop all that were started after the oldest that fell, then start all of these in order."""
        while self._fallen:
            group = self._children_from_oldest_fallen()
            delay_s = max(self._fallen.values())
            self._fallen = dict.fromkeys(self._fallen, 0.0)  # what they had to wait is waited for now
            for child in reversed(group[1:]):
                await self._bring_down(child)
                if child.spec.restart is Restart.TEMPORARY:
                    self._forget(child)
            await self._pause(delay_s)
            fallen = [self._children[name] for name in self._fallen if name in self._children]
            if all(child in group for child in fallen):  # else an older one fell meanwhile, and these go with it
                self._fallen.clear()
                for child in group:
                    self._revive(child)
        self._regrouping = None

    def _children_from_oldest_fallen(self) -> list[Child]:
        names = list(self._children)
        first = min((names.index(name) for name in self._fallen if name in self._children), default=len(names))
        return list(self._children.values())[first:]

    def _revive(self, child: Child) -> None:
        if self._children.get(child.spec.name) is child and child.actor is None:
            child.stopping = False
            self._start_again(child)

    async def _pause(self, delay_s: float) -> None:
        over = asyncio.get_running_loop().create_future()
        self._clock.call_later(delay_s, lambda: _tell([over]))
        await over

    def _give_up(self, child: Child, record: Exit) -> None:
        self._witness.given_up(child.spec.kind, record)
        if child.spec.given_up is not None:
            child.spec.given_up(record)
        self._forget(child)
        if child.spec.given_up is None:
            self._wind_down(GaveUp(child.spec.label))

    def _wind_down(self, failure: GaveUp | None) -> None:
        if self._winding_down is None and self.is_running:
            self._winding_down = asyncio.ensure_future(self._stop_all(failure))

    async def _stop_all(self, failure: GaveUp | None) -> None:
        # Who starts a child meanwhile is refused: nothing would ever stop it.
        self.is_running = False
        if self._regrouping is not None:
            self._regrouping.cancel()
            self._regrouping = None
        self._fallen.clear()
        while self._children:
            await self.stop_child(next(reversed(self._children)))
        self._exit(failure)

    def _exit(self, failure: GaveUp | None) -> None:
        self.is_running = False
        self._winding_down = None
        on_exit, self._on_exit = self._on_exit, None
        if on_exit is not None:
            on_exit(Exit(self._label, self._generation, failure, None, 0))

    def _forget(self, child: Child) -> None:
        if self._children.get(child.spec.name) is not child:
            return
        del self._children[child.spec.name]
        self._restarted.pop(child.spec.name, None)
        _tell(child.gone)
        if child.spec.ended is not None:
            child.spec.ended()


def _tell(waiting: list[asyncio.Future[None]]) -> None:
    while waiting:
        gone = waiting.pop()
        if not gone.done():
            gone.set_result(None)
