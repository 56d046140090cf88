"""Workers: the parent process of a gateway with several. Starts them, restarts them, replaces them, sums them up.

It owns the table of workers and what those that are gone have counted, and carries no message itself: nothing that a
client sends can bring it down. Source of the restart rules: OTP supervisor behaviour, as in ``actors.runtime.restart``.
"""

import asyncio
import logging
import random
import signal
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from actors.runtime.restart import Backoff, Intensity, RestartLog
from server.metrics.readings import Readings
from server.siblings import WorkerState
from server.worker_process import WorkerProcess

__all__ = ["EXIT_FAILED", "EXIT_KILLED", "WorkerPlan", "Workers"]

EXIT_FAILED = 70  # EX_SOFTWARE: workers died again and again
EXIT_KILLED = 71  # EX_OSERR: a worker did not drain in time, and was killed
READY_POLL_S = 0.1
INTENSITY = Intensity(restarts=10, period_s=60.0)
BACKOFF = Backoff(base_s=0.1, cap_s=5.0)

log = logging.getLogger("fanwire.workers")


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """How many, of what, and for how long to be patient; times in seconds.

    ``hopeless`` are the exit codes with which a first worker says that no other one would fare better, such as a
    wrong configuration. ``kill_after_s`` counts from the SIGTERM and is longer than a drain.
    """

    count: int
    program: Sequence[str]
    port: int
    kill_after_s: float
    start_s: float = 30.0
    hopeless: Collection[int] = ()
    intensity: Intensity = INTENSITY
    backoff: Backoff = BACKOFF


class _Slot:
    """One worker's place. Who holds ``changing`` may start another one in it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.current: WorkerProcess | None = None
        self.changing = asyncio.Lock()


class Workers:
    """To be made and run on one event loop. ``serving`` is called once, when all workers accept connections."""

    def __init__(self, plan: WorkerPlan, *, serving: Callable[[], None]) -> None:
        self._plan = plan
        self._serving = serving
        self._slots = [_Slot(number) for number in range(1, plan.count + 1)]
        self._alive: set[WorkerProcess] = set()
        self._gone = Readings()
        self._restarts = 0
        self._deaths = RestartLog(plan.intensity)
        self._code: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._ever_served = False
        self._roll_wanted = asyncio.Event()

    async def run(self) -> int:
        """Until SIGTERM, SIGINT, or too many deaths; returns the exit code when no worker is left."""
        self._listen_to_signals()
        tasks = [
            asyncio.ensure_future(work) for work in (*map(self._keep, self._slots), self._announce(), self._roll())
        ]
        for task in tasks:
            task.add_done_callback(self._end_if_failed)
        await asyncio.wait({self._code})
        code = self._code.result()
        log.info("stopping", extra={"workers": len(self._alive), "exit": code})
        killed = await self._end_all()
        await asyncio.gather(*tasks)
        return code or (EXIT_KILLED if killed else 0)

    def end(self, code: int) -> None:
        """Stop with this exit code; the first one counts."""
        if not self._code.done():
            self._code.set_result(code)
            self._roll_wanted.set()

    def _end_if_failed(self, task: "asyncio.Task[None]") -> None:
        """A bug of this module must not leave workers without anybody who watches them; ``run`` raises it."""
        if task.cancelled() or task.exception() is not None:
            self.end(EXIT_FAILED)

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.end, 0)
        loop.add_signal_handler(signal.SIGHUP, self._roll_wanted.set)

    @property
    def _is_stopping(self) -> bool:
        return self._code.done()

    async def _keep(self, slot: _Slot) -> None:
        """A worker in this place, as long as the gateway runs."""
        while not self._is_stopping:
            try:
                worker = await self._worker_in(slot)
            except OSError as failure:
                log.error("a worker could not be started: %s", failure, extra={"number": slot.number})
                await self._pause_before_restart()
                continue
            if not await worker.is_serving_within(self._plan.start_s) and not worker.has_ended:
                log.error("a worker is killed: it did not start in time", extra=_naming(worker))
                worker.signal(signal.SIGKILL)
            self._ever_served = self._ever_served or worker.serving.is_set()
            code = await worker.until_ended()
            if slot.current is worker and not self._is_stopping:
                await self._mourn(worker, code)

    async def _worker_in(self, slot: _Slot) -> WorkerProcess:
        """The one that lives there, a new one if need be. Raises: OSError."""
        async with slot.changing:
            if slot.current is None or slot.current.has_ended:
                slot.current = await self._start(slot.number)
            return slot.current

    async def _mourn(self, worker: WorkerProcess, code: int) -> None:
        """Decide what a death means: the end, or another start after a pause."""
        log.error("a worker ended", extra={**_naming(worker), "exit": code})
        if code in self._plan.hopeless and not self._ever_served:
            self.end(code)
        else:
            await self._pause_before_restart()

    async def _pause_before_restart(self) -> None:
        if not self._deaths.record(asyncio.get_running_loop().time()):
            log.critical("workers end again and again: the gateway gives up", extra={"restarts": self._restarts})
            self.end(EXIT_FAILED)
            return
        self._restarts += 1
        await self._pause(self._plan.backoff.delay_s(self._deaths.recent - 1, random.random))

    async def _pause(self, delay_s: float) -> None:
        await asyncio.wait({self._code}, timeout=delay_s)

    async def _start(self, number: int) -> WorkerProcess:
        """Raises: OSError where no process can be made."""
        worker = await WorkerProcess.start(self._plan.program, number, self._plan.port, self._answer)
        self._alive.add(worker)
        asyncio.ensure_future(worker.until_ended()).add_done_callback(lambda _: self._forget(worker))
        log.info("a worker was started", extra=_naming(worker))
        if self._is_stopping:
            worker.signal(signal.SIGTERM)
        return worker

    def _forget(self, worker: WorkerProcess) -> None:
        """What it counted stays in the sums, which must never fall: Prometheus would take that for a restart."""
        self._alive.discard(worker)
        self._gone = Readings.together([self._gone, worker.last.without_gauges()])

    async def _end_all(self) -> bool:
        """Have everybody drain, all at the same time; whether one had to be killed."""
        killed = False
        while self._alive:
            leaving = list(self._alive)
            await asyncio.gather(*(worker.end(self._plan.kill_after_s) for worker in leaving))
            self._alive.difference_update(leaving)
            killed = killed or any(worker.was_killed for worker in leaving)
        return killed

    async def _announce(self) -> None:
        for slot in self._slots:
            while not (self._is_stopping or (slot.current is not None and slot.current.serving.is_set())):
                await self._pause(READY_POLL_S)
        if not self._is_stopping:
            self._serving()

    async def _roll(self) -> None:
        """Replace all workers, one after the other, whenever that is wanted; wanted meanwhile means once more."""
        while await self._roll_wanted.wait() and not self._is_stopping:
            self._roll_wanted.clear()
            log.info("replacing all workers")
            for slot in self._slots:
                if self._is_stopping or not await self._replace(slot):
                    break
            else:
                log.info("all workers were replaced")

    async def _replace(self, slot: _Slot) -> bool:
        """The new one is ready before the old one is told to go. False where it is not: the old one stays."""
        async with slot.changing:
            try:
                successor = await self._start(slot.number)
            except OSError as failure:
                log.error("a new worker could not be started: %s; the old ones stay", failure)
                return False
            if not await self._becomes_ready(successor):
                log.error("a new worker does not become ready: the old ones stay", extra=_naming(successor))
                await successor.end(self._plan.kill_after_s)
                return False
            predecessor, slot.current = slot.current, successor
        if predecessor is not None:
            await predecessor.end(self._plan.kill_after_s)
        return True

    async def _becomes_ready(self, worker: WorkerProcess) -> bool:
        loop = asyncio.get_running_loop()
        due = loop.time() + self._plan.start_s
        if not await worker.is_serving_within(self._plan.start_s):
            return False
        while (state := await worker.state()) is not WorkerState.READY:
            if state is WorkerState.AWAY or loop.time() >= due or self._is_stopping:
                return False
            await self._pause(READY_POLL_S)
        return True

    async def _answer(self, what: str) -> object:
        """What a worker asks for whoever asked it."""
        match what:
            case "readings":
                return await self._all_readings()
            case "states":
                return await self._states()
            case _:
                return None

    async def _states(self) -> dict[int, str]:
        current = [(slot.number, slot.current) for slot in self._slots]
        states = await asyncio.gather(*(_state_of(worker) for _, worker in current))
        return {number: state.value for (number, _), state in zip(current, states, strict=True)}

    async def _all_readings(self) -> dict[str, object]:
        """Of every process that lives, those on their way in or out included, and of those that are gone."""
        alive = list(self._alive)
        answers = await asyncio.gather(*(worker.readings() for worker in alive))
        heard = {worker for worker, answer in zip(alive, answers, strict=True) if answer is not None}
        # One that ended while the others were asked has been added to those that are gone.
        silent = [worker.last.without_gauges() for worker in alive if worker not in heard and worker in self._alive]
        spoke = [worker.last for worker in heard if worker in self._alive]
        return {
            "readings": Readings.together([self._gone, *spoke, *silent]).as_data(),
            "answered": {slot.number: slot.current in heard for slot in self._slots},
            "restarts": self._restarts,
        }


async def _state_of(worker: WorkerProcess | None) -> WorkerState:
    return WorkerState.AWAY if worker is None else await worker.state()


def _naming(worker: WorkerProcess) -> dict[str, object]:
    return {"number": worker.number, "worker": worker.pid}
