"""Hundreds of subscribers in processes of their own, some of them stopped: what the others notice, and what they get.

The numbers are ratios of one run and bounds that the documents promise, on a load that the machine can carry: where
other programs use it there are fewer subscribers, never fewer checks or wider bounds. Times are judged by the best of
three runs, since another program's burst looks like our fault; what is received is checked in every run.
"""

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from crowd import Crowd, Publisher
from gateway_process import GatewayProcess
from idle_cores import idle_cores
from ledger import walk_chain

pytestmark = pytest.mark.slow

TOPIC = "t:crowd"
MAILBOX_BYTES = 256 * 1024
PAD_BYTES = 800  # about 1 KiB on the wire
WARM_UP = 40
BASELINE_S = 2
RUNS = 3
CORES = 1.7  # what gateway, crowds and publisher need together at full size
FEWEST = 0.1
SCHEDULER_S = 0.005  # below this a latency is the kernel's choice of who runs next


@pytest.fixture(autouse=True)
def as_many_files_as_allowed() -> Iterator[None]:
    """Processes started meanwhile inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _gateway(overflow: str, history: int = 5_000) -> GatewayProcess:
    return GatewayProcess(
        {
            "limits.connections_per_ip": 5_000,
            "limits.connections_per_user": 5_000,
            "limits.client_messages_per_s": 1e6,
            "mailbox.bytes": MAILBOX_BYTES,
            "history.messages": history,
            "topics.t.overflow": overflow,
        }
    )


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. ``away_s``: the longest that the gateway's loop can have been away; ``late_s``: of the publisher."""

    baseline_p99_s: float
    stalled_p99_s: float
    away_s: float
    late_s: float

    def is_unharmed(self) -> bool:
        twice = 2 * max(self.baseline_p99_s, SCHEDULER_S)
        return self.stalled_p99_s < twice and self.away_s < 0.1 and self.late_s < 0.5


class Scene:
    """One gateway with healthy and stalled subscribers; the stalled read until ``stall``."""

    def __init__(self, gateway: GatewayProcess, healthy: Crowd, stalled: Crowd, publisher: Publisher) -> None:
        self.gateway = gateway
        self.healthy = healthy
        self.stalled = stalled
        self.publisher = publisher

    async def measure(self, phase: str, count: int, per_s: float) -> float:
        """Publish at a rate; the longest time, in seconds, that the gateway's loop can have been away."""
        await self.healthy.phase(phase)
        self.publisher.round_trips.clear()
        await self.publisher.publish(count, per_s)
        return max(self.publisher.round_trips)

    async def check_healthy(self) -> Any:
        """Everybody who reads has got every message, in order, and is still there; returns the report."""
        seqs = self.publisher.seqs
        report = await self.healthy.report_when(lambda it: len(it["frames"]) == len(seqs) and not any(it["behind"]))
        assert report["frames"] == [
            [n, seq, prev] for n, (seq, prev) in enumerate(zip(seqs, [0, *seqs[:-1]], strict=True))
        ]
        assert (report["strays"], report["ended"]) == ([], [])
        return report


async def _stall(scene: Scene, per_s: float, seconds: float) -> Timing:
    """A phase with everybody reading, then one with the stalled stopped, in which memory may grow by their bounds."""
    await scene.publisher.publish(WARM_UP, per_s)
    await scene.measure("baseline", int(per_s * BASELINE_S), per_s)
    before = scene.gateway.memory_bytes()
    scene.stalled.freeze()
    away_s = await scene.measure("stalled", int(per_s * seconds), per_s)
    report = await scene.check_healthy()
    grown = scene.gateway.most_memory_bytes() - before
    assert grown < 1.1 * scene.stalled.count * MAILBOX_BYTES, f"{grown} bytes for {scene.stalled.count} stalled"
    p99_s = {phase: spread["p99"] for phase, spread in report["latencies"].items()}
    return Timing(p99_s["baseline"], p99_s["stalled"], away_s, scene.publisher.late_s)


def _as_frames(entries: list[Any]) -> list[dict[str, Any]]:
    """A crowd's account in the shape that the ledger reads."""
    return [
        {"topic": "system", "type": "gap", "data": entry[1]}
        if entry[0] == "gap"
        else {"topic": TOPIC, "type": "x", "seq": entry[1], "prev": entry[2]}
        for entry in entries
    ]


@pytest.mark.gen_test(timeout=120)
@pytest.mark.parametrize(
    ("healthy", "stalled", "per_s", "seconds"),
    [pytest.param(900, 100, 200, 10, id="a tenth of 1000"), pytest.param(500, 500, 50, 12, id="half of 1000")],
)
async def test_stopped_processes_are_cut_off_and_nobody_else_notices(
    healthy: int, stalled: int, per_s: float, seconds: float
) -> None:
    timings: list[Timing] = []
    while len(timings) < RUNS and not (timings and timings[-1].is_unharmed()):
        share = min(1.0, max(FEWEST, await idle_cores() / CORES))
        timings.append(await _cut_off(int(healthy * share), int(stalled * share), per_s, seconds))
    assert timings[-1].is_unharmed(), timings


async def _cut_off(healthy: int, stalled: int, per_s: float, seconds: float) -> Timing:
    """One run; what everybody received is right when this returns."""
    async with (
        # So short a history is full before memory is looked at: it has its own bound.
        _gateway("disconnect", history=int(per_s * BASELINE_S)) as gateway,
        Crowd(gateway.port, TOPIC, healthy, alike=True) as reading,
        Crowd(gateway.port, TOPIC, stalled, alike=False, window=4096) as stopped,
        await Publisher.connected(gateway.port, TOPIC, pad_bytes=PAD_BYTES) as publisher,
    ):
        timing = await _stall(Scene(gateway, reading, stopped, publisher), per_s, seconds)
        stopped.thaw()
        report = await stopped.report_when(lambda it: all(fate["ended"] for fate in it["fates"]))
        assert sum(fate["members"] for fate in report["fates"]) == stalled
        for fate in report["fates"]:
            got = [entry[1] for entry in fate["frames"] if entry[0] != "close"]
            assert got == publisher.seqs[: len(got)]
            assert WARM_UP < len(got) < len(publisher.seqs)
        assert "Traceback" not in gateway.log
        return timing


@pytest.mark.gen_test(timeout=60)
@pytest.mark.parametrize("overflow", ["catch_up", "drop_oldest"])
async def test_stopped_processes_that_go_on_get_what_their_policy_says(overflow: str) -> None:
    async with (
        _gateway(overflow) as gateway,
        Crowd(gateway.port, TOPIC, 180, alike=True) as reading,
        Crowd(gateway.port, TOPIC, 20, alike=False, window=4096) as stopped,
        await Publisher.connected(gateway.port, TOPIC, pad_bytes=PAD_BYTES) as publisher,
    ):
        await _stall(Scene(gateway, reading, stopped, publisher), per_s=200, seconds=4)
        stopped.thaw()
        await publisher.publish(20, per_s=200)
        report = await stopped.report_when(lambda it: all(_is_through(fate, publisher) for fate in it["fates"]))
        assert sum(fate["members"] for fate in report["fates"]) == stopped.count
        for fate in report["fates"]:
            lost = walk_chain(TOPIC, _as_frames(fate["frames"]), publisher.seqs)
            assert (len(lost) > 0) == (overflow == "drop_oldest")
            assert fate["ended"] is None
        assert "Traceback" not in gateway.log


def _is_through(fate: Any, publisher: Publisher) -> bool:
    return bool(fate["frames"]) and fate["frames"][-1][1] == publisher.seqs[-1]
