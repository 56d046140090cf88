"""The message that ``fanwire publish`` makes, and what statuses mean to a script."""

import argparse
import asyncio
import uuid

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

from server.cli import main
from server.cli.exit_codes import CommandFailed, ExitCode
from server.cli.publish import configure, exit_code_for, message_from


def _message(*words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    configure(parser)
    return message_from(parser.parse_args(words))


def test_a_message_without_data_has_an_empty_object_and_an_id_of_its_own() -> None:
    message = _message("thread:1", "hello")
    assert uuid.UUID(str(message.pop("id"))).version == 4
    assert message == {"topic": "thread:1", "type": "hello", "data": {}}


def test_id_key_and_data_are_those_that_were_given() -> None:
    assert _message("a:1", "t", "[1]", "--id", "i", "--key", "k") == {
        "id": "i",
        "topic": "a:1",
        "type": "t",
        "data": [1],
        "key": "k",
    }


def test_data_that_is_not_json_is_a_usage_error_that_shows_how_to_quote() -> None:
    with pytest.raises(CommandFailed, match=r"JSON: not JSON: .* quote it") as refused:
        _message("a:1", "t", "{text: hi}")
    assert refused.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("status", "code"), [(400, 2), (413, 2), (401, 4), (403, 4), (429, 5), (503, 5), (404, 5), (500, 5)]
)
def test_a_status_becomes_what_a_script_has_to_do(status: int, code: int) -> None:
    assert exit_code_for(status) == code


class _Moved(RequestHandler):
    def post(self) -> None:
        self.redirect("/elsewhere")


class _Elsewhere(RequestHandler):
    def initialize(self, seen: list[str]) -> None:
        self._seen = seen

    def get(self) -> None:
        self._seen.append(self.request.headers.get("Authorization", ""))


@pytest.mark.gen_test
async def test_a_token_does_not_follow_a_redirect(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[str] = []
    server = HTTPServer(Application([(r"/api/publish", _Moved), (r"/elsewhere", _Elsewhere, {"seen": seen})]))
    (socket,) = bind_sockets(0, "127.0.0.1")
    server.add_socket(socket)
    url = f"http://127.0.0.1:{socket.getsockname()[1]}"
    code = await asyncio.to_thread(main, ["publish", "a:1", "t", "--url", url, "--token", "eyJ.a.b"])
    server.stop()
    assert (code, seen) == (5, [])
    assert "answered 302, which no gateway does" in capsys.readouterr().err
