"""Peers of the end-to-end tests that are not ours: npm's ``ws`` and a page in Chromium.

Each class owns one node process (tests/end_to_end/peers/) and speaks JSON lines with it. Every wait has a
deadline, and what fails shows the process's stderr.
"""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chromium import CHROMIUM, chromium_address

from server.testing.child_process import ChildProcess

__all__ = ["BrowserPage", "Closed", "NodeWebSocket", "PageError", "PeerError"]

ROOT = Path(__file__).parents[2]
PEERS = ROOT / "tests" / "end_to_end" / "peers"
AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
AXE_RULES_AT_LEAST = 8


class PeerError(AssertionError):
    """A peer saw something else than the test waited for."""


@dataclass(frozen=True, slots=True)
class Closed:
    """How a WebSocket ended, as the client saw it (RFC 6455 §7.1.5, §7.1.6)."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class PageError:
    """What a developer would see in red; ``kind`` is ``console``, ``exception`` or ``request``."""

    kind: str
    text: str


def _node(program: str, arguments: Mapping[str, object]) -> ChildProcess:
    if not (ROOT / "frontend" / "node_modules").is_dir():
        raise FileNotFoundError("frontend/node_modules is missing. Run: make test (or npm ci in frontend/)")
    return ChildProcess(["node", str(PEERS / program), json.dumps(arguments)], talks=True, stop_timeout_s=5.0)


class NodeWebSocket:
    """A client written with npm's ``ws``; as a context it is connected before the body runs."""

    def __init__(
        self,
        url: str,
        *,
        protocols: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        connect_timeout_s: float = 10.0,
    ) -> None:
        self._process = _node(
            "ws_client.mjs", {"url": url, "protocols": list(protocols), "headers": dict(headers or {})}
        )
        self._connect_timeout_s = connect_timeout_s
        self.protocol = ""

    async def __aenter__(self) -> Self:
        """Raises: PeerError when the handshake is refused, ProcessError when nothing answers in time."""
        await self._process.start()
        try:
            self.protocol = (await self._expect("open", self._connect_timeout_s))["protocol"]
        except BaseException:
            await self._process.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._process.__aexit__(kind, error, trace)

    @property
    def process(self) -> ChildProcess:
        """For signals: a stopped process is a peer that is silent without a FIN."""
        return self._process

    async def send(self, message: object) -> None:
        """Send ``message`` as JSON in a text frame."""
        await self._tell({"send": message})

    async def send_text(self, text: str) -> None:
        """Send a text frame with exactly ``text``."""
        await self._tell({"text": text})

    async def send_binary(self, payload: bytes) -> None:
        await self._tell({"binary": base64.b64encode(payload).decode()})

    async def ping(self, *, timeout_s: float = 5.0) -> None:
        """Send a protocol ping and wait for its pong; text frames must have been read before."""
        await self._tell({"ping": True})
        await self._expect("pong", timeout_s)

    async def stop_reading(self) -> None:
        """Leave what arrives in the kernel's buffer: the client becomes a slow consumer."""
        await self._tell({"read": False})

    async def resume_reading(self) -> None:
        await self._tell({"read": True})

    async def frame(self, *, timeout_s: float = 5.0) -> Any:
        """The next text frame, decoded. Raises: PeerError when the socket closes first."""
        return json.loads(await self.frame_text(timeout_s=timeout_s))

    async def frame_text(self, *, timeout_s: float = 5.0) -> str:
        """The next text frame as it came over the wire."""
        text: str = (await self._expect("frame", timeout_s))["text"]
        return text

    async def frame_of_type(self, frame_type: str, *, timeout_s: float = 5.0) -> Any:
        """The next frame whose ``type`` is ``frame_type``; others before it are passed over.

        ``timeout_s`` is the deadline of each single frame.
        """
        while (frame := await self.frame(timeout_s=timeout_s)).get("type") != frame_type:
            continue
        return frame

    async def close(self, code: int = 1000, reason: str = "", *, timeout_s: float = 5.0) -> Closed:
        """Close from this side and wait for the answer of the other."""
        await self._tell({"close": code, "reason": reason})
        return await self.closed(timeout_s=timeout_s)

    async def closed(self, *, timeout_s: float = 5.0) -> Closed:
        """How the socket closed; frames that come before are passed over."""
        while (event := await self._event(timeout_s))["event"] != "close":
            continue
        return Closed(event["code"], event["reason"])

    async def _tell(self, command: Mapping[str, object]) -> None:
        await self._process.write_line(json.dumps(command))

    async def _event(self, timeout_s: float) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(await self._process.read_line(timeout_s=timeout_s))
        return event

    async def _expect(self, kind: str, timeout_s: float) -> dict[str, Any]:
        event = await self._event(timeout_s)
        if event["event"] != kind:
            raise PeerError(f"the ws client waited for {kind!r} and saw {event}")
        return event


class BrowserPage:
    """A page in headless Chromium; as a context it has loaded ``url`` before the body runs.

    ``errors`` holds every console error, uncaught exception and failed request up to the last command.
    """

    def __init__(self, url: str, *, open_timeout_s: float = 20.0, chromium: str = CHROMIUM) -> None:
        if not Path(chromium).exists():
            raise FileNotFoundError(f"{chromium} is missing. Run: sudo apt-get install chromium")
        self._chromium, self._url = chromium, url
        self._open_timeout_s = open_timeout_s
        self.errors: tuple[PageError, ...] = ()

    async def __aenter__(self) -> Self:
        """Raises: RuntimeError when Chromium does not start, ProcessError when the page does not load."""
        browser = await asyncio.to_thread(chromium_address, self._chromium)
        told = {"browser": browser, "url": self._url, "timeoutMs": self._open_timeout_s * 1000}
        self._process = _node("browser_page.mjs", told)
        await self._process.start()
        try:
            await self._answer(self._open_timeout_s + 10)
        except BaseException:
            await self._process.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self.errors:
            error.add_note(f"Errors in the page: {self.errors}")
        await self._process.__aexit__(kind, error, trace)

    async def text(self, selector: str, *, contains: str | None = None, timeout_s: float = 10.0) -> str:
        """The text of the first visible element that matches ``selector`` and contains ``contains``.

        Raises: PeerError with the texts that were there instead, after ``timeout_s``.
        """
        found = await self._do("text", timeout_s, selector=selector, contains=contains)
        return str(found)

    async def texts(self, selector: str) -> list[str]:
        """The texts of all matching elements now, possibly none."""
        return list(await self._do("texts", selector=selector))

    async def click(self, selector: str, *, timeout_s: float = 10.0) -> None:
        await self._do("click", timeout_s, selector=selector)

    async def fill(self, selector: str, value: str, *, timeout_s: float = 10.0) -> None:
        """Put ``value`` into an input field."""
        await self._do("fill", timeout_s, selector=selector, value=value)

    async def press(self, keys: str) -> None:
        """Press keys on the page, e.g. ``Control+Shift+D``."""
        await self._do("press", keys=keys)

    async def evaluate(self, script: str) -> Any:
        """The JSON value of a JavaScript expression; a promise is awaited."""
        return await self._do("evaluate", script=script)

    async def goto(self, url: str, *, timeout_s: float = 20.0) -> str:
        """Load another address; returns the one that the page ended on."""
        return str(await self._do("goto", timeout_s, address=url))

    async def reload(self, *, timeout_s: float = 20.0) -> None:
        await self._do("reload", timeout_s)

    async def go_offline(self) -> None:
        """Cut the page's network, as a laptop lid does; open WebSockets stay (a limit of Chromium)."""
        await self._do("offline", value=True)

    async def go_online(self) -> None:
        await self._do("offline", value=False)

    async def resize(self, width: int, height: int) -> None:
        """Set the size of the viewport, in CSS pixels."""
        await self._do("size", width=width, height=height)

    async def prefer(self, color_scheme: str) -> None:
        """``light`` or ``dark``, as the user's system would say."""
        await self._do("prefer", colorScheme=color_scheme)

    async def download(self, selector: str, *, timeout_s: float = 10.0) -> tuple[str, str]:
        """Click on what makes the browser save a file; its name and its text."""
        saved = await self._do("download", timeout_s, selector=selector)
        return str(saved["name"]), str(saved["text"])

    async def axe_violations(self, selector: str) -> list[str]:
        """What axe-core finds wrong inside of ``selector``, shadow roots included: the rule, and where."""
        await self.evaluate(f"{AXE.read_text()}; 0")
        found = await self.evaluate(f"axe.run({{ include: [[{json.dumps(selector)}]] }})")
        # A run that looked at nothing finds nothing.
        assert len(found["passes"]) >= AXE_RULES_AT_LEAST, found["passes"]
        return [
            f"{rule['id']}: {node['target']} {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    async def screenshot(self, path: Path) -> Path:
        """Write what the viewport shows as a PNG file to ``path``."""
        return Path(await self._do("screenshot", path=str(path)))

    async def _do(self, name: str, timeout_s: float = 10.0, **arguments: object) -> Any:
        command = {"do": name, "timeout": timeout_s * 1000, **arguments}
        await self._process.write_line(json.dumps(command))
        # The page keeps the deadline and can say what it saw; ours is for a page that hangs.
        answer = await self._answer(timeout_s + 5)
        if "failed" in answer:
            raise PeerError(f"browser, {name}: {answer['failed']}; errors in the page: {self.errors}")
        return answer.get("result")

    async def _answer(self, timeout_s: float) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(await self._process.read_line(timeout_s=timeout_s))
        self.errors = tuple(PageError(**error) for error in answer["errors"])
        return answer
