"""How an actor's incarnation ends: asked to, or by a failure, and the record that is made of it."""

import traceback
from dataclasses import dataclass

__all__ = ["Exit", "Hung", "Stop"]


class Stop:
    """The control message that ends an actor in order."""


class Hung(Exception):
    """An actor was held by one message for too long.

    What it waited for is cancelled, and abandoned where it ignores that.
    """

    def __init__(self, after_s: float) -> None:
        super().__init__(after_s)
        self.after_s = after_s

    def __str__(self) -> str:
        return f"not done with one message after {self.after_s:g} s"


@dataclass(frozen=True, slots=True)
class Exit:
    """How one incarnation of ``actor`` ended. ``failure`` is None for an end in order.

    ``message`` is the one it failed on (the poison message), ``waiting`` how many were left in its mailbox.
    """

    actor: str
    generation: int
    failure: BaseException | None
    message: object
    waiting: int

    def traceback(self) -> str:
        return "".join(traceback.format_exception(self.failure)) if self.failure else ""
