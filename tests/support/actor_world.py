"""The actors of one worker on a manual clock: real directory, topics, clients and memory bus; fake sockets."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fake_socket import FakeSocket
from loop_turns import until

from actors.bus_bridge import BusBridge
from actors.client import Tick
from actors.client_commands import ClientServices
from actors.clients import Client, Clients
from actors.delivery import Delivery
from actors.directory import TopicDirectory, TopicSettings
from actors.metrics import WS_DROPPED_MESSAGES
from actors.ports import Bus, Placed
from actors.protocol.codes import ErrorCode, Refusal
from actors.protocol.envelope import Seq, TopicName, envelope_from, new_trace_id
from actors.protocol.permissions import Identity, TopicPattern
from actors.runtime.exit import Exit
from actors.runtime.overflow import OverflowPolicy
from actors.runtime.supervisor import Supervisor
from actors.session import ClientSettings
from actors.telemetry import Telemetry
from server.bus.memory import MemoryBus
from server.testing.manual_clock import ManualClock

__all__ = ["Tab", "World", "delivery", "identity"]

NEXT_PING_S = 20.0


def identity(
    user: str = "ada", *, subscribe: str = "*", publish: str = "*", expires_at: float | None = None
) -> Identity:
    """A user with one pattern each way; an empty one grants nothing."""
    return Identity(
        user,
        subscribe=tuple(TopicPattern(text) for text in [subscribe] if text),
        publish=tuple(TopicPattern(text) for text in [publish] if text),
        expires_at=expires_at,
    )


def delivery(
    seq: int, prev: int = 0, topic: str = "t", data: object = None, *, is_final: bool = False, **fields: object
) -> Delivery:
    """A placed message, ready for its subscribers."""
    envelope = envelope_from({"topic": topic, "type": "x", "data": data} | fields, 1.0)
    return Delivery(envelope.placed(Seq(seq), Seq(prev)), is_final=is_final)


class Tab:
    """One browser tab: its socket, and what it says to the gateway."""

    def __init__(self, client: Client, socket: FakeSocket) -> None:
        self.client = client
        self.socket = socket
        self.session = client.session
        self.reading: list[asyncio.Task[None]] = []

    def send(self, text: str) -> "asyncio.Task[None]":
        """A text frame arrives; the task ends when the gateway would read the next one."""
        self.client.heard()
        self.reading.append(asyncio.ensure_future(self.client.read(text)))
        return self.reading[-1]

    def ask(self, kind: str, data: Mapping[str, Any], topic: str = "system") -> str:
        """Send a request; its id, which the answer has as ``re``."""
        request_id = new_trace_id()
        self.send(json.dumps({"v": 1, "id": request_id, "topic": topic, "type": kind, "data": data}))
        return request_id

    async def answer(self, kind: str, data: Mapping[str, Any], topic: str = "system") -> dict[str, Any]:
        """Send a request and wait for its one answer."""
        request_id = self.ask(kind, data, topic)
        return await self.answer_to(request_id)

    async def answer_to(self, request_id: str) -> dict[str, Any]:
        def answers() -> list[dict[str, Any]]:
            return [message for message in self.socket.messages if message.get("re") == request_id]

        await until(answers, f"an answer among {self.socket.messages}")
        [only] = answers()
        return only

    async def subscribe(self, *names: str, **since: object) -> dict[str, Any]:
        """Subscribe to names from now on, and to keywords since what they say; the answer's data."""
        plain: dict[str, dict[str, object]] = {name: {} for name in names}
        topics = plain | {name: {"since": value} for name, value in since.items()}
        answer = await self.answer("subscribe", {"topics": topics})
        assert answer["type"] == "subscribed", answer
        data: dict[str, Any] = answer["data"]
        return data

    def of_topic(self, topic: str) -> list[Any]:
        """The ``data`` of that topic's messages, as received."""
        return [message["data"] for message in self.socket.messages if message["topic"] == topic]

    async def until_closed(self) -> int:
        await until(lambda: self.socket.closed, f"a close after {self.socket.messages}")
        assert self.socket.closed is not None
        code, reason = self.socket.closed
        assert len(reason.encode()) <= 123
        return code


class World:
    """One worker. ``tokens`` says whom each token stands for.

    ``policies`` and ``finals`` are by topic; a topic without has ``disconnect`` and no final types. ``bus`` is the
    memory bus unless given.
    """

    def __init__(
        self,
        policies: Mapping[str, OverflowPolicy] | None = None,
        finals: Mapping[str, frozenset[str]] | None = None,
        *,
        bus: Bus | None = None,
        **settings: Any,
    ) -> None:
        self.policies = dict(policies or {})
        self.finals = dict(finals or {})
        self.clock = ManualClock()
        self.escalated: list[Exit] = []
        self.tokens: dict[str, Identity] = {}
        self.bus: Bus = bus or MemoryBus(self.clock)
        self.telemetry = Telemetry(self.clock)
        self.topics = Supervisor("topics", self.clock, self.telemetry, chance=lambda: 0.5)
        self.people = Supervisor("clients", self.clock, self.telemetry, chance=lambda: 0.5)
        self.topics.run(self.escalated.append)
        self.people.run(self.escalated.append)
        self.topic_settings = TopicSettings(
            max_messages=100, max_control=1_000, history_messages=50, history_ttl_s=600.0
        )
        self.directory = TopicDirectory(self.topics, self.clock, self.telemetry, self._settings_of, self.bus)
        self.bridge = BusBridge(self.bus, self.directory, self._finals_of, self.clock, self.telemetry)
        self.bus.start(self.bridge)
        defaults: dict[str, Any] = {
            "mailbox_messages": 20,
            "mailbox_bytes": 64 * 1024,
            "topics": 10,
            "messages_per_s": 1_000.0,
            "heartbeat_interval_s": 30.0,
            "heartbeat_timeout_s": 60.0,
            "reconnect_jitter_ms": 5_000,
            "policy_of": lambda topic: self.policies.get(topic, OverflowPolicy.DISCONNECT),
        }
        self.settings = ClientSettings(**defaults | settings)
        services = ClientServices(self.telemetry, self.directory, self.bus, self.clock, self.identify, self.settings)
        self.clients = Clients(self.people, services)

    def _finals_of(self, topic: TopicName) -> frozenset[str]:
        return self.finals.get(topic, frozenset())

    def _settings_of(self, topic: TopicName) -> TopicSettings:
        return replace(self.topic_settings, finals=self._finals_of(topic))

    async def identify(self, token: str) -> Identity | Refusal:
        await asyncio.sleep(0)
        return self.tokens.get(token) or Refusal(ErrorCode.FORBIDDEN, "token: unknown")

    def connect(self, who: Identity | None = None, room: int | None = None) -> Tab:
        """A tab that has just been let in; its first ping is due in 20 s."""
        socket = FakeSocket(room)
        client = self.clients.connect(socket, who or identity())
        client.session.next_ping = self.clock.monotonic() + NEXT_PING_S
        client.session.mailbox.control(Tick(self.clock.monotonic()))  # it sets its timer anew
        return Tab(client, socket)

    async def open(self, who: Identity | None = None) -> Tab:
        """A tab that has read its ``hello`` and is in its user's own topic."""
        tab = self.connect(who)
        await until(lambda: tab.socket.of_type("hello"), "hello")
        await until(lambda: tab.session.mailbox.empty() and self.is_quiet(), "the user's own topic")
        return tab

    def publish(self, topic: str, data: object = None, **fields: object) -> Placed:
        """A backend publishes; ``fields`` are those of the envelope."""
        envelope = envelope_from({"topic": topic, "type": "x", "data": data} | fields, self.clock.time())
        placed = self.bus.publish(envelope, deduplicate=False)
        assert isinstance(placed, Placed)
        return placed

    def drops(self) -> dict[str, int]:
        """What overflow policies dropped, by policy."""
        counts = self.telemetry.meter.counts(WS_DROPPED_MESSAGES)
        return {policy: count for policy, count in counts.items() if count}

    def is_quiet(self) -> bool:
        """No topic has anything to do."""
        boxes = [self.directory.find(TopicName(topic)) for topic in list(self.directory._topics)]
        return all(box is None or box.empty() for box in boxes)
