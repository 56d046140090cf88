"""A real gateway in the test's own loop, and what tests talk to it with: plain HTTP and Python's ``websockets``.

Every wait here has a deadline, and a frame that does not come shows what came before it.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import websockets
from node_peers import Closed
from tornado.httputil import HTTPHeaders
from tornado.simple_httpclient import SimpleAsyncHTTPClient
from websockets.asyncio.client import ClientConnection
from websockets.typing import Subprotocol

from server.testing.gateway_settings import environment_of
from server.testing.local_gateway import DRAIN_S, LocalGateway
from server.testing.tokens import SECRET, WITH_TOKENS, token_for

__all__ = [
    "DRAIN_S",
    "LONG_S",
    "SECRET",
    "WITH_TOKENS",
    "Answer",
    "GatewayAddress",
    "RunningGateway",
    "Tab",
    "envelope",
    "environment_of",
    "running_gateway",
    "token_for",
]

NO_TOKENS: Mapping[str, object] = {"auth.mode": "disabled"}
# For a token that is made when its test file is read: it has to outlive every test before its own.
LONG_S = 86_400.0
DEADLINE_S = 5.0


def envelope(topic: str, type: str = "note", data: object = None, **more: object) -> dict[str, Any]:
    """A frame or body as a client would write it, with an id of its own."""
    fields = {"v": 1, "id": str(uuid.uuid4()), "topic": topic, "type": type, "data": {} if data is None else data}
    return fields | more


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response; ``body`` decoded from JSON, None where it is empty."""

    status: int
    headers: HTTPHeaders
    body: Any


class Tab:
    """One connection by Python's ``websockets``, which answers protocol pings by itself."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.seen: list[Any] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            error.add_note(f"the last frames of this tab: {self.seen[-10:]}")
        await self.connection.close()

    @property
    def subprotocol(self) -> str | None:
        return self.connection.subprotocol

    async def send(self, message: object) -> None:
        """``message`` as JSON; a str goes out as it is, bytes as a binary frame."""
        await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def frame(self) -> Any:
        """The next text frame, decoded. Raises: ConnectionClosed, or TimeoutError after five seconds."""
        async with asyncio.timeout(DEADLINE_S):
            self.seen.append(json.loads(await self.connection.recv()))
        return self.seen[-1]

    async def frame_of_type(self, wanted: str) -> Any:
        """The next frame of that ``type``; others before it are passed over."""
        while (frame := await self.frame())["type"] != wanted:
            continue
        return frame

    async def ask(self, request: Mapping[str, Any]) -> Any:
        """Send a request and return the one frame whose ``re`` is its id."""
        await self.send(request)
        while (frame := await self.frame()).get("re") != request["id"]:
            continue
        return frame

    async def subscribe(self, *topics: str) -> Any:
        """Subscribe from now on and return the ``subscribed`` frame's data."""
        reply = await self.ask(envelope("system", "subscribe", {"topics": list(topics)}))
        assert reply["type"] == "subscribed", reply
        return reply["data"]

    async def closed(self) -> Closed:
        """How the gateway closed; frames that come before are passed over."""
        with suppress(websockets.ConnectionClosed):
            while True:
                await self.frame()
        assert self.connection.close_code is not None
        return Closed(self.connection.close_code, self.connection.close_reason or "")


class GatewayAddress:
    """A gateway wherever it runs, by its address; ``token`` is shown where a call gives no other."""

    def __init__(self, host: str, port: int, token: str | None = None) -> None:
        self.host, self.port = host, port
        self._token = token
        self._http = SimpleAsyncHTTPClient(force_instance=True)

    def close(self) -> None:
        self._http.close()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://{self.host}:{self.port}/api/ws"

    async def tab(
        self,
        *,
        token: str | None = None,
        subprotocols: Sequence[str] = ("fanwire.v1",),
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> Tab:
        """Complete a handshake; ``token`` travels as a subprotocol, as a browser sends it.

        What follows, ``hello`` or a close frame, is not read yet.
        """
        token = token or self._token
        offered = [*subprotocols, *([] if token is None else [f"fanwire.token.{token}"])]
        connection = await websockets.connect(
            self.ws_url + query,
            subprotocols=[Subprotocol(name) for name in offered] or None,
            additional_headers=dict(headers or {}),
            open_timeout=DEADLINE_S,
            close_timeout=DEADLINE_S,
            ping_interval=None,
            compression=None,
            # Its default of 16 unread frames would make a test that leaves some unread wait at its end.
            max_queue=None,
            proxy=None,
        )
        return Tab(connection)

    async def request(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        chunks: Callable[[], AsyncIterable[bytes]] | None = None,
    ) -> Answer:
        """An HTTP request by Tornado's client; ``chunks`` makes a body of unannounced length."""

        async def produce(write: Callable[[bytes], Any]) -> None:
            assert chunks is not None
            async for chunk in chunks():
                await write(chunk)

        response = await self._http.fetch(
            f"http://{self.host}:{self.port}{path}",
            method=method,
            body=body,
            body_producer=None if chunks is None else produce,
            headers=dict(headers or {}),
            allow_nonstandard_methods=True,
            follow_redirects=False,
            raise_error=False,
            request_timeout=DEADLINE_S,
        )
        return Answer(response.code, response.headers, json.loads(response.body) if response.body else None)

    async def publish(self, message: object, *, token: str | None = None) -> Answer:
        """``POST /api/publish``; a str or bytes is the body as it stands, anything else becomes JSON."""
        body = message if isinstance(message, str | bytes) else json.dumps(message)
        return await self.request("POST", "/api/publish", body, headers=bearer(token or self._token))


class RunningGateway(GatewayAddress):
    """A gateway in this very loop. ``failed`` is set when it asks for its process to be ended."""

    def __init__(self, settings: Mapping[str, object]) -> None:
        self._local = LocalGateway({**NO_TOKENS, **settings})
        self.failed = self._local.failed
        self.gateway = self._local.gateway
        super().__init__("127.0.0.1", self._local.port)

    async def stop(self) -> None:
        self.close()
        await self._local.stop()


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


@asynccontextmanager
async def running_gateway(settings: Mapping[str, object] | None = None) -> AsyncIterator[RunningGateway]:
    """A gateway on a free port, with neither tokens nor heartbeats unless ``settings`` (dotted keys) say so."""
    running = RunningGateway(settings or {})
    try:
        yield running
    finally:
        await running.stop()
