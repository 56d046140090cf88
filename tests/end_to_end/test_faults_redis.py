"""What happens to the bus on Redis and on no other: snapshots that fail, and a server that is made a replica.

What any store goes through is in test_faults_bus.
"""

from typing import Any

import pytest
from loop_turns import until
from redis_servers import redis_server
from survival import Publisher, T, survives
from two_workers import quick_timing, two_workers

from actors.ports import BusUnavailable

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quick")]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, expected_logs: Any) -> None:
    quick_timing(monkeypatch)
    for line in ("the bus is gone", "503", "are cut off at the end"):
        expected_logs.allow(line)


@pytest.mark.gen_test(timeout=20)
async def test_a_redis_that_cannot_write_to_its_disk_refuses_with_the_reason() -> None:
    async with redis_server() as server, two_workers(server) as workers:

        async def fault(publisher: Publisher) -> None:
            in_its_way = server.folder / "dump.rdb"
            in_its_way.mkdir()  # a snapshot is renamed to that, which fails
            await server.do("CONFIG", "SET", "save", "1 1")
            await server.do("BGSAVE")
            await until(lambda: publisher.refusals, "a refusal")
            in_its_way.rmdir()
            await server.do("CONFIG", "SET", "save", "")

        reader, publisher = await survives(workers, fault)
        assert any("disk" in why for why in publisher.refusals), set(publisher.refusals)
        assert not reader.losses and not reader.closes


@pytest.mark.gen_test(timeout=20)
async def test_a_replica_refuses_and_says_what_it_is() -> None:
    async with redis_server() as server, two_workers(server) as (one, _):
        await server.do("REPLICAOF", "127.0.0.1", server.port)
        with pytest.raises(BusUnavailable, match="replica"):
            await one.gateway.publish(T, "x", {})
        await server.do("REPLICAOF", "NO", "ONE")
        await one.gateway.publish(T, "x", {})
