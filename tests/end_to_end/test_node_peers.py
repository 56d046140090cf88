"""The node peers against a small Tornado server: what the end-to-end tests build on must itself be sound."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from node_peers import BrowserPage, Closed, NodeWebSocket, PageError, PeerError
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler
from tornado.websocket import WebSocketHandler

from server.testing.child_process import ProcessError
from tests.conftest import ExpectedLogs

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><link rel="icon" href="data:,"><p id="state">loading</p><button>go</button><script>
const socket = new WebSocket(`ws://${location.host}/socket`, ["fanwire.v1"]);
socket.onmessage = (event) => { document.querySelector("#state").textContent = "got " + event.data; };
document.querySelector("button").onclick = () => socket.send(JSON.stringify({clicked: true}));
</script>"""


class Socket(WebSocketHandler):
    """Echoes text; the message ``leave`` is answered with close code 4509."""

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        return "fanwire.v1" if "fanwire.v1" in subprotocols else None

    async def on_message(self, message: str | bytes) -> None:
        if message == "leave":
            self.close(4509, "slow consumer")
        else:
            await self.write_message(message, binary=isinstance(message, bytes))


class Page(RequestHandler):
    def get(self) -> None:
        self.write(PAGE)


class BrokenPage(RequestHandler):
    def get(self) -> None:
        self.write("<link rel=icon href=data:,><p>x</p><script>console.error('red'); missing();</script>")


@pytest.fixture
def address(io_loop: IOLoop) -> Iterator[str]:
    (listener,) = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/socket", Socket), ("/", Page), ("/broken", BrokenPage)]))

    async def start() -> None:
        server.add_socket(listener)

    io_loop.run_sync(start)
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    server.stop()
    io_loop.run_sync(server.close_all_connections)


@pytest.mark.gen_test(timeout=20)
async def test_the_ws_client_negotiates_sends_receives_and_closes(address: str) -> None:
    async with NodeWebSocket(f"ws://{address}/socket", protocols=["fanwire.v1", "other"]) as ws:
        assert ws.protocol == "fanwire.v1"
        await ws.send({"topic": "thread:42", "text": "grüße\n"})
        assert await ws.frame() == {"topic": "thread:42", "text": "grüße\n"}
        await ws.ping()
        assert await ws.close(1000, "done") == Closed(1000, "")


@pytest.mark.gen_test(timeout=20)
async def test_the_ws_client_reports_a_close_by_the_server(address: str) -> None:
    async with NodeWebSocket(f"ws://{address}/socket") as ws:
        await ws.send_text("leave")
        assert await ws.closed() == Closed(4509, "slow consumer")


@pytest.mark.gen_test(timeout=20)
async def test_a_frame_that_never_comes_is_a_failure_at_the_deadline(address: str) -> None:
    async with NodeWebSocket(f"ws://{address}/socket") as ws:
        with pytest.raises(ProcessError, match=r"said nothing within 0\.2 s"):
            await ws.frame(timeout_s=0.2)


@pytest.mark.gen_test(timeout=20)
async def test_a_client_that_stops_reading_gets_its_frames_later(address: str) -> None:
    async with NodeWebSocket(f"ws://{address}/socket") as ws:
        await ws.stop_reading()
        await ws.send(1)
        with pytest.raises(ProcessError, match="said nothing"):
            await ws.frame(timeout_s=0.3)
        await ws.resume_reading()
        assert await ws.frame() == 1


@pytest.mark.gen_test(timeout=20)
async def test_a_refused_handshake_is_told_with_its_status(address: str, expected_logs: ExpectedLogs) -> None:
    expected_logs.allow("404 GET /nowhere")
    with pytest.raises(PeerError, match="404"):
        await NodeWebSocket(f"ws://{address}/nowhere").__aenter__()


@pytest.mark.gen_test(timeout=60)
async def test_the_browser_page_is_read_clicked_and_photographed(address: str, tmp_path: Path) -> None:
    async with BrowserPage(f"http://{address}/") as page:
        assert await page.text("#state", contains="loading") == "loading"
        await page.click("button")
        assert await page.text("#state", contains="got") == 'got {"clicked":true}'
        assert await page.evaluate("1 + 1") == 2
        assert (await page.screenshot(tmp_path / "page.png")).read_bytes().startswith(b"\x89PNG")
        assert page.errors == ()


@pytest.mark.gen_test(timeout=60)
async def test_a_text_that_never_comes_fails_and_says_what_was_there(address: str) -> None:
    async with BrowserPage(f"http://{address}/") as page:
        with pytest.raises(PeerError, match=r'containing "done"; seen: \["loading"\]'):
            await page.text("#state", contains="done", timeout_s=0.3)


@pytest.mark.gen_test(timeout=60)
async def test_errors_in_the_page_are_collected(address: str) -> None:
    async with BrowserPage(f"http://{address}/broken") as page:
        await page.text("p")
        assert PageError("console", "red") in page.errors
        assert any(error.kind == "exception" and "missing" in error.text for error in page.errors)
