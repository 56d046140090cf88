"""One snapshot a second, whoever asks, and the same bytes for all who do."""

import asyncio
import json
from typing import Any

import pytest
from actor_world import World

from actors.runtime.overflow import OverflowPolicy
from server.admission import Admission
from server.bus.metered import MeteredBus
from server.config import LimitsConfig
from server.ops import snapshots
from server.ops.odd_events import OddEvents
from server.ops.snapshots import FRESH_S, Snapshots, Watched


def snapshots_of(world: World) -> Snapshots:
    return Snapshots(
        Watched(
            root=world.people,
            clients=world.clients,
            directory=world.directory,
            meter=world.telemetry.meter,
            bus=MeteredBus(world.bus, "memory", world.telemetry.meter, world.clock),
            admission=Admission(LimitsConfig()),
            odd_events=OddEvents(),
            policy_of=lambda topic: OverflowPolicy.DISCONNECT,
        ),
        world.clock,
    )


@pytest.mark.gen_test
async def test_within_a_second_everybody_gets_the_same_bytes() -> None:
    world = World()
    watching = snapshots_of(world)
    first, *others = await asyncio.gather(*(watching.latest() for _ in range(5)))
    assert all(other is first for other in others)
    world.publish("t")
    world.clock.advance(FRESH_S - 0.01)
    assert await watching.latest() is first
    world.clock.advance(0.01)
    second: Any = json.loads(await watching.latest())
    assert second["uptime_s"] == FRESH_S
    assert second["time"] - json.loads(first)["time"] == pytest.approx(FRESH_S, abs=0.002)


@pytest.mark.gen_test
async def test_a_page_that_leaves_does_not_take_the_snapshot_from_the_others() -> None:
    watching = snapshots_of(World())
    leaving, staying = asyncio.ensure_future(watching.latest()), asyncio.ensure_future(watching.latest())
    await asyncio.sleep(0)
    leaving.cancel()
    assert json.loads(await staying)["connections"] == 0


@pytest.mark.gen_test
async def test_one_that_failed_is_told_and_the_next_question_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    watching = snapshots_of(World())
    with monkeypatch.context() as broken, pytest.raises(ValueError, match="on purpose"):
        broken.setattr(snapshots, "measures_of", lambda meter: int("on purpose"))
        await watching.latest()
    assert json.loads(await watching.latest())["bus"] == {"name": "memory", "ready": True}
