"""Fifty clients that lose their connection again and again while publishers go on: nothing is missing unsaid.

Every client changes between WebSocket and events, leaves at random moments and ways, and comes back with what it has.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence

import pytest
from gateways import RunningGateway, running_gateway
from visits import TRANSPORTS, Account, SocketVisit, visit_of

pytestmark = pytest.mark.slow

CLIENTS = 50
TOPICS = ("t:a", "t:b", "t:c")
TICKS = "t:ticks"  # something always comes, so that nobody waits for a message that there is not
BATCHES = 30
BATCH = 20
SETTINGS: Mapping[str, object] = {"limits.connections_per_user": 1_000, "mailbox.messages": 100}
SEED = 20_260_705


class Backend:
    """Publishes as fast as it is answered; owns what was acknowledged."""

    def __init__(self, running: RunningGateway) -> None:
        self.published: dict[str, list[int]] = {topic: [] for topic in TOPICS}
        self.is_done = False
        self._running = running
        self._grown = asyncio.Event()

    async def publish_everything(self) -> None:
        await asyncio.gather(*(self._publish_to(topic) for topic in TOPICS))
        self.is_done = True
        self._tell()

    async def tick(self) -> None:
        while True:
            await self._running.gateway.publish(TICKS, "tick", {})
            await asyncio.sleep(0.02)  # the clock that this is

    async def until_there_are(self, count: int) -> None:
        """Stay away until so many batches more are stored, or the last one is."""
        goal = sum(map(len, self.published.values())) + count * BATCH
        while not self.is_done and sum(map(len, self.published.values())) < goal:
            await self._grown.wait()

    async def _publish_to(self, topic: str) -> None:
        for number in range(BATCHES):
            answer = await self._running.publish([{"topic": topic, "type": "x", "data": number} for _ in range(BATCH)])
            assert answer.status == 200, answer
            self.published[topic] += [placed["seq"] for placed in answer.body]
            self._tell()

    def _tell(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()


class Client:
    """Owns what it has received; a client of ``TOPICS`` from their beginning."""

    def __init__(self, number: int, running: RunningGateway, backend: Backend, longest_absence: int) -> None:
        self.accounts = {topic: Account(0) for topic in TOPICS}
        self.visits = 0
        self._number = number
        self._chance = random.Random(SEED + number)
        self._running = running
        self._backend = backend
        self._longest_absence = longest_absence

    @property
    def has_everything(self) -> bool:
        tops = {topic: positions[-1:] for topic, positions in self._backend.published.items()}
        return self._backend.is_done and all([account.position] == tops[t] for t, account in self.accounts.items())

    async def live(self) -> None:
        while not self.has_everything:
            await self._visit()
            if self._chance.random() < 0.3:
                await self._backend.until_there_are(self._chance.randint(0, self._longest_absence))

    async def _visit(self) -> None:
        transport = TRANSPORTS[(self._number + self.visits) % 2]
        self.visits += 1
        positions = {
            topic: account.position for topic, account in self.accounts.items() if account.position is not None
        }
        visit = await visit_of(transport, self._running, [*TOPICS, TICKS], positions)
        try:
            await self._read(visit, self._chance.randint(1, 400))
            await self._leave(visit)
        except ConnectionError:
            # A connection that breaks while it is read is one of the ways to go.
            return
        finally:
            visit.close()

    async def _read(self, visit: object, most: int) -> None:
        for _ in range(most):
            frame = None if self.has_everything else await visit.frame()  # type: ignore[attr-defined]
            if frame is None:
                return
            for topic, account in self.accounts.items():
                account.take(topic, frame)

    async def _leave(self, visit: object) -> None:
        match self._chance.choice(["close", "reset", "in the middle", "saying half"]):
            case "close":
                visit.close()  # type: ignore[attr-defined]
            case "in the middle":
                await visit.receive(self._chance.randint(1, 40))  # type: ignore[attr-defined]
                visit.reset()  # type: ignore[attr-defined]
            case "saying half" if isinstance(visit, SocketVisit):
                await visit.send_half_a_frame()
                visit.reset()
            case _:
                visit.reset()  # type: ignore[attr-defined]


async def torture(settings: Mapping[str, object], longest_absence: int) -> tuple[Backend, Sequence[Client]]:
    async with running_gateway({**SETTINGS, **settings}) as running:
        backend = Backend(running)
        clients = [Client(number, running, backend, longest_absence) for number in range(CLIENTS)]
        ticking = asyncio.ensure_future(backend.tick())
        try:
            async with asyncio.timeout(80):
                await asyncio.gather(backend.publish_everything(), *(client.live() for client in clients))
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
        await asyncio.wait_for(running.gateway.admission.until_empty(), 20)
    return backend, clients


@pytest.mark.gen_test(timeout=110)
async def test_with_history_for_everything_each_client_gets_every_message_exactly_once_and_in_order() -> None:
    backend, clients = await torture({"history.messages": BATCHES * BATCH + 1}, longest_absence=15)
    for client in clients:
        for topic, account in client.accounts.items():
            published = backend.published[topic]
            assert account.losses(published, start=0) == []
            assert [seq for _, seq in account.story] == published
    assert sum(client.visits for client in clients) >= 3 * CLIENTS


@pytest.mark.gen_test(timeout=110)
async def test_with_little_history_every_loss_is_said_and_nothing_else_is_lost() -> None:
    backend, clients = await torture({"history.messages": 2 * BATCH}, longest_absence=40)
    lost = 0
    for client in clients:
        for topic, account in client.accounts.items():
            missing = account.losses(backend.published[topic], start=0)
            received = [seq for prev, seq in account.story if prev is not None]
            assert sorted([*missing, *received]) == backend.published[topic]
            lost += len(missing)
    assert lost > 0, "nothing was lost: this test has shown nothing"
    assert sum(client.visits for client in clients) >= 3 * CLIENTS
