"""A supervisor on a manual clock, children of it that fail and end when they are told to, and branches of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from loop_turns import until

from actors.runtime.child_spec import ChildSpec
from actors.runtime.exit import Exit
from actors.runtime.loop_actor import LoopActor
from actors.runtime.mailbox import Mailbox
from actors.runtime.restart import Backoff, Intensity, Restart
from actors.runtime.supervisor import Strategy, Supervisor
from actors.telemetry import Telemetry
from server.testing.manual_clock import ManualClock

__all__ = ["Branch", "Child", "Notes", "Tree", "held"]

Act = Callable[[], Awaitable[object] | None]


class Worker(LoopActor[Mailbox[Any]]):
    """Calls what it is told; says when it starts and stops."""

    def __init__(self, mailbox: Mailbox[Any], say: Callable[[str], None], fails_to_start: Callable[[], bool]) -> None:
        super().__init__(mailbox)
        self._say = say
        self._fails_to_start = fails_to_start

    def on_start(self) -> None:
        if self._fails_to_start():
            raise OSError("cannot start")
        self._say("start")

    def on_stop(self) -> None:
        self._say("stop")

    def on_receive(self, message: Any) -> Awaitable[object] | None:
        answer: Awaitable[object] | None = message()
        return answer


class Child:
    """A child and everything that became of it."""

    def __init__(self, name: str, story: list[str] | None = None) -> None:
        self.name = name
        self.mailbox: Mailbox[Act] = Mailbox(max_messages=100, max_control=100)
        self.story: list[str] = [] if story is None else story
        self.built: list[Worker] = []
        self.failing_builds = 0
        self.failing_starts = 0
        self.given_up: list[Exit] = []

    def spec(self, restart: Restart = Restart.TRANSIENT, *, gives_up: bool = True, **kw: Any) -> ChildSpec:
        given_up = self.given_up.append if gives_up else None
        return ChildSpec(
            "topic", self.name, self._build, restart, ended=lambda: self._say("ended"), given_up=given_up, **kw
        )

    def fail(self, failure: BaseException | None = None) -> None:
        def act() -> None:
            raise failure or ValueError(self.name)

        self.mailbox.offer(act)

    def end(self) -> None:
        self.mailbox.offer(lambda: self.built[-1].end())

    async def until_started(self, count: int) -> None:
        await until(lambda: self.story.count(f"{self.name} start") == count, f"start {count} of {self.name}")

    def _build(self) -> Worker:
        self.failing_builds -= 1
        if self.failing_builds >= 0:
            raise OSError("cannot be built")
        self.built.append(Worker(self.mailbox, self._say, self._start_fails))
        return self.built[-1]

    def _start_fails(self) -> bool:
        self.failing_starts -= 1
        return self.failing_starts >= 0

    def _say(self, what: str) -> None:
        self.story.append(f"{self.name} {what}")


async def held(child: Child) -> "asyncio.Future[None]":
    """``child`` is held by one message, and so does not stop, until the future that is returned is done."""
    gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    child.mailbox.offer(lambda: gate)
    await until(lambda: len(child.mailbox) == 0, f"{child.name} to be held")
    return gate


class Notes:
    """A witness: writes down who failed in which generation, what kind was restarted, and who was given up."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def failed(self, kind: str, record: Exit) -> None:
        self.lines.append(f"{kind} failed: {record.actor} {record.generation} {record.failure}")

    def restarted(self, kind: str) -> None:
        self.lines.append(f"{kind} restarted")

    def given_up(self, kind: str, record: Exit) -> None:
        self.lines.append(f"{kind} given up: {record.actor} {record.generation}")


class Branch:
    """A supervisor that is a child of another one: the same object is run again with each restart."""

    def __init__(
        self,
        name: str,
        tree: "Tree",
        *children: ChildSpec,
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity = Intensity(),  # noqa: B008  # frozen
        stop_s: float = 1.0,
    ) -> None:
        self.supervisor = Supervisor(
            name,
            tree.clock,
            tree.notes,
            children=children,
            strategy=strategy,
            backoff=tree.backoff,
            chance=lambda: 0.5,
        )
        self.spec = ChildSpec("supervisor", name, lambda: self.supervisor, Restart.PERMANENT, intensity, stop_s)


class Tree:
    """A supervisor with a clock that stands still and a chance that is always one half.

    Its failures are logged and counted; those of its branches go into ``notes``, as do its own with ``quiet``.
    """

    def __init__(self, strategy: Strategy = Strategy.ONE_FOR_ONE, *, quiet: bool = False) -> None:
        self.clock = ManualClock()
        self.notes = Notes()
        self.backoff = Backoff(base_s=0.25, cap_s=8.0)
        self.escalated: list[Exit] = []
        self.supervisor = Supervisor(
            "tests",
            self.clock,
            self.notes if quiet else Telemetry(self.clock),
            strategy=strategy,
            backoff=self.backoff,
            chance=lambda: 0.5,
        )
        self.supervisor.run(self.escalated.append)

    def start(self, *children: ChildSpec) -> None:
        for spec in children:
            self.supervisor.start_child(spec)

    async def until(self, condition: Callable[[], object], what: str = "the condition") -> None:
        """As ``loop_turns.until``; pauses of no length are over at once meanwhile, longer ones are not."""

        def is_true() -> object:
            self.clock.advance(0.0)
            return condition()

        await until(is_true, what)

    async def rest(self) -> None:
        """Let everything run that needs no time: for showing that nothing more happens."""
        for _ in range(40):
            self.clock.advance(0.0)
            await asyncio.sleep(0)
