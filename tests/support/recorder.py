"""An actor that writes down what happens to it, and the incarnations of it around one mailbox."""

from collections.abc import Awaitable, Callable
from typing import Any

from loop_turns import until

from actors.runtime.exit import Exit
from actors.runtime.loop_actor import LoopActor
from actors.runtime.mailbox import Mailbox

__all__ = ["Act", "Life", "Recorder", "raising"]

Act = Callable[[], Awaitable[object] | None]


class Recorder(LoopActor[Mailbox[Any]]):
    """Keeps what it was told; a callable is called, and what it returns is returned."""

    colour = "red"

    def __init__(self, mailbox: Mailbox[Any], seen: list[object]) -> None:
        super().__init__(mailbox)
        self.seen = seen

    def on_start(self) -> None:
        self.seen.append("start")

    def on_stop(self) -> None:
        self.seen.append("stop")

    def on_failure(self, *failure: object) -> None:
        self.seen.append(failure[0])

    def on_receive(self, message: object) -> Awaitable[object] | None:
        if callable(message):
            answer: Awaitable[object] | None = message()
            return answer
        self.seen.append(message)
        return None

    def double(self, number: int) -> int:
        return 2 * number

    def fail(self) -> None:
        raise LookupError("asked to fail")


class Life:
    """One mailbox, the incarnations that were started around it, and how each ended."""

    def __init__(self) -> None:
        self.mailbox: Mailbox[Any] = Mailbox(max_messages=1000, max_control=1000)
        self.seen: list[object] = []
        self.exits: list[Exit] = []
        self.generation = 0

    def start(self, kind: type[Recorder] = Recorder) -> Recorder:
        self.generation += 1
        actor = kind(self.mailbox, self.seen)
        actor.run(self.exits.append, self.generation)
        return actor

    async def until_seen(self, *expected: object) -> None:
        await until(lambda: len(self.seen) >= len(expected), f"{expected}, saw {self.seen}")
        assert self.seen == list(expected)

    async def until_ended(self) -> Exit:
        count = self.generation
        await until(lambda: len(self.exits) == count, "the actor's end")
        return self.exits[-1]


def raising(failure: BaseException) -> Act:
    def act() -> None:
        raise failure

    return act
