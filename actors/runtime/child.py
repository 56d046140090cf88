"""One entry of a supervisor's table: a child that is there to stay, whichever incarnation of it runs."""

import asyncio
from dataclasses import dataclass, field

from actors.runtime.child_spec import ChildSpec, Supervised
from actors.runtime.restart import RestartLog

__all__ = ["Child"]


@dataclass(slots=True, eq=False)
class Child:
    """``actor`` is the incarnation that runs, None between two of them; ``generation`` counts them, from 1 on.

    Its supervisor alone writes here; others may look.
    """

    spec: ChildSpec
    actor: Supervised | None = None
    generation: int = 0
    restarts: RestartLog | None = None
    gone: list[asyncio.Future[None]] = field(default_factory=list)
    stopping: bool = False
