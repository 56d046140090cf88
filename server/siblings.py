"""What a worker can learn of all workers of its gateway, and what readiness means where there are several."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from server.metrics.readings import Readings

__all__ = ["AllReadings", "Siblings", "SiblingsUnknown", "WorkerState", "are_ready"]


class WorkerState(StrEnum):
    """``away``: it does not accept connections (yet, or any more), so that no traffic reaches it."""

    READY = "ready"
    NOT_READY = "not ready"
    SILENT = "silent"
    AWAY = "away"


def are_ready(states: Mapping[int, WorkerState]) -> bool:
    """Whether whoever connects now is served: somebody accepts, and everybody who accepts is ready.

    The kernel spreads connections over all that accept, whatever their state: one that is cut off from the bus
    takes its share and serves nobody. One that is away takes none, and the others make up for it.
    """
    taking = [state for state in states.values() if state is not WorkerState.AWAY]
    return bool(taking) and all(state is WorkerState.READY for state in taking)


@dataclass(frozen=True, slots=True)
class AllReadings:
    """What all workers counted together; ``answered`` by worker number; ``restarts`` of workers since the start."""

    readings: Readings
    answered: Mapping[int, bool]
    restarts: int


class SiblingsUnknown(Exception):
    """The parent process, which knows them all, does not answer."""

    def __str__(self) -> str:
        return "the parent process did not say in time how the other workers are"


class Siblings(Protocol):
    """The workers of one gateway, this one among them, which has ``number`` (from 1 on)."""

    number: int

    async def readings(self) -> AllReadings:
        """Raises: SiblingsUnknown."""

    async def states(self) -> Mapping[int, WorkerState]:
        """Raises: SiblingsUnknown."""
