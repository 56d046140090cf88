"""Faults on purpose, inside a real gateway: a message with ``{"fault": "<place> <what>"}`` makes that place fail.

Places: ``history`` (the topic keeps a message), ``topic`` (its actor takes one), ``fan_out`` (a round is under way),
``command`` (a client's frame is read), ``client`` (its actor takes one). ``what`` is the name of a built-in
exception, ``sleep`` or ``hang``. Only tests load this: it replaces methods and puts them back.
As a program it is ``fanwire`` with the faults in it. ``Faults`` owns the faults, and what was replaced.
"""

import asyncio
import builtins
import re
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

import websockets
from gateways import RunningGateway, Tab, environment_of
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from actors.client import ClientActor
from actors.client_mailbox import ClientMailbox
from actors.delivery import Delivery
from actors.fan_out import Missed, fan_out
from actors.history import History
from actors.protocol.messages import command_from
from actors.session import Inbound
from actors.topic import TopicActor
from server.access import Access
from server.testing.server_process import ServerProcess

__all__ = ["Fault", "Faults", "FaultyGateway", "fault_in", "messages_of", "metric", "until_got"]

DEADLINE_S = 10.0
FOR_EVER_S = 1e6
_FAULT = re.compile(r'"fault": ?"(\w+) (\w+)(?: (at|after|for) (\d+(?:\.\d+)?))?"')


@dataclass(frozen=True, slots=True)
class Fault:
    """``number``: seconds of a ``sleep``, or how many subscribers a round reaches; ``takes_one``: one is lost to it."""

    place: str
    what: str
    number: float = 0.0
    takes_one: bool = False

    def happen(self) -> Awaitable[object] | None:
        """Raises: what it says. Returns None after a sleep, and what never ends for a hang."""
        match self.what:
            case "sleep":
                time.sleep(self.number)  # the loop stands still: that is the fault
                return None
            case "hang":
                return asyncio.get_running_loop().create_future()
            case "hang_on":
                return _deaf_once()
            case "CancelledError":
                raise asyncio.CancelledError
            case name:
                raise getattr(builtins, name)("on purpose")


async def _deaf_once() -> None:
    """Does not end when it is cancelled for the first time."""
    try:
        await asyncio.sleep(FOR_EVER_S)
    except asyncio.CancelledError:
        await asyncio.sleep(FOR_EVER_S)


def fault_in(text: str, place: str) -> Fault | None:
    """The fault that ``text`` asks of ``place``."""
    found = _FAULT.search(text)
    if found is None or found[1] != place:
        return None
    return Fault(found[1], found[2], float(found[4] or 0), takes_one=found[3] == "at")


class Faults:
    """As a context, the faults are there. ``broken`` topics fail on each message, whatever it says.

    ``bad_starts``: how often the start of a topic's actor is still to fail; ``starts`` counts the tries.
    """

    def __init__(self) -> None:
        self.broken: set[str] = set()
        self.bad_starts: Counter[str] = Counter()
        self.starts: Counter[str] = Counter()
        self._served: Counter[str] = Counter()
        self._replaced = ExitStack()

    def __enter__(self) -> Self:
        self._replace(History, "append", self._appending(History.append))
        self._replace(TopicActor, "on_receive", self._receiving(TopicActor.on_receive))
        self._replace(TopicActor, "on_start", self._starting(TopicActor.on_start))
        self._replace(ClientActor, "on_receive", self._client_receiving(ClientActor.on_receive))
        self._replace(Access, "renew", self._renewing(Access.renew))
        self._replaced.enter_context(patch("actors.client_commands.command_from", self._command_from))
        self._replaced.enter_context(patch("actors.round.fan_out", self._fan_out))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._replaced.close()

    def _replace(self, owner: type, name: str, method: Callable[..., Any]) -> None:
        self._replaced.enter_context(patch.object(owner, name, method))

    def _appending(self, inner: Callable[..., None]) -> Callable[..., None]:
        def append(history: History, delivery: Delivery, now: float) -> None:
            happen(delivery.frame, "history")
            inner(history, delivery, now)

        return append

    def _receiving(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        def on_receive(actor: TopicActor, message: object) -> Awaitable[object] | None:
            if isinstance(message, Delivery):
                if message.topic in self.broken:
                    raise ValueError("on purpose, again and again")
                held = happen(message.frame, "topic")
                if held is not None:
                    return held
            unfinished: Awaitable[object] | None = inner(actor, message)
            return unfinished

        return on_receive

    def _starting(self, inner: Callable[..., None]) -> Callable[..., None]:
        def on_start(actor: TopicActor) -> None:
            topic = actor.label.removeprefix("topic ")
            self.starts[topic] += 1
            if self.bad_starts[topic] > 0:
                self.bad_starts[topic] -= 1
                raise ValueError("on purpose, at the start")
            inner(actor)

        return on_start

    def _client_receiving(self, inner: Callable[..., None]) -> Callable[..., None]:
        def on_receive(actor: ClientActor, message: object) -> None:
            if isinstance(message, Inbound):
                happen(message.text, "client")
            inner(actor, message)

        return on_receive

    def _renewing(self, inner: Callable[..., Any]) -> Callable[..., Any]:
        async def renew(access: Access, token: str) -> Any:
            if token.startswith("fault "):
                raise getattr(builtins, token.removeprefix("fault "))("on purpose")
            return await inner(access, token)

        return renew

    def _command_from(self, text: str, now: float) -> Any:
        happen(text, "command")
        return command_from(text, now)

    def _fan_out(self, deliveries: Any, frames: bytes, recipients: Iterable[ClientMailbox], missed: Missed) -> None:
        fault = fault_in(frames.decode(errors="replace"), "fan_out")
        if fault is not None:
            recipients = self._breaking(fault, deliveries[0].id, recipients)
        fan_out(deliveries, frames, recipients, missed)

    def _breaking(self, fault: Fault, round_id: str, recipients: Iterable[ClientMailbox]) -> Iterator[ClientMailbox]:
        """Once in the life of a round, however many slices and incarnations that has."""
        if not fault.takes_one and self._served[round_id] == fault.number:
            self._served[round_id] += 1
            fault.happen()
        for mailbox in recipients:
            self._served[round_id] += 1
            if fault.takes_one and self._served[round_id] == fault.number + 1:
                fault.happen()
            yield mailbox
            if not fault.takes_one and self._served[round_id] == fault.number:
                self._served[round_id] += 1
                fault.happen()


def happen(content: bytes | str, place: str) -> Awaitable[object] | None:
    """The fault that ``content`` asks of ``place``, if any."""
    fault = fault_in(content if isinstance(content, str) else content.decode(errors="replace"), place)
    return None if fault is None else fault.happen()


class FaultyGateway(ServerProcess):
    """``fanwire serve`` with the faults, as a process of its own; ``settings`` by their dotted keys."""

    def __init__(self, settings: Mapping[str, object] | None = None) -> None:
        quiet = {"auth.mode": "disabled", "heartbeat.interval_s": 1e6, "heartbeat.timeout_s": 2e6}
        argv = [sys.executable, __file__, "serve", "--port", "{port}"]
        super().__init__(argv, env=environment_of({**quiet, "log.format": "json", **(settings or {})}))

    async def tab(self) -> Tab:
        connection = await websockets.connect(
            f"ws://127.0.0.1:{self.port}/api/ws",
            subprotocols=[websockets.Subprotocol("fanwire.v1")],
            open_timeout=DEADLINE_S,
            close_timeout=DEADLINE_S,
            ping_interval=None,
            compression=None,
            max_queue=None,
            proxy=None,
        )
        return Tab(connection)


async def until_got(tab: Tab, topic: str, number: object) -> list[Any]:
    """Wait until the message with ``{"n": number}`` is there; the numbers of all that came of ``topic``, in order."""
    while not any(frame["data"]["n"] == number for frame in messages_of(tab, topic)):
        await tab.frame()
    return [frame["data"]["n"] for frame in messages_of(tab, topic)]


def messages_of(tab: Tab, topic: str) -> list[Any]:
    """What ``tab`` has read of ``topic``."""
    return [frame for frame in tab.seen if frame["topic"] == topic]


async def metric(running: RunningGateway, name: str) -> float:
    """A sample of ``/metrics``, by its whole name with labels."""
    http = SimpleAsyncHTTPClient(force_instance=True)
    try:
        text = (await http.fetch(f"http://127.0.0.1:{running.port}/metrics", request_timeout=DEADLINE_S)).body.decode()
    finally:
        http.close()
    (value,) = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(value)


if __name__ == "__main__":
    from server.cli import main

    with Faults():
        sys.exit(main(sys.argv[1:]))
