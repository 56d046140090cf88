"""Log lines: their shape, their limits, and that no credential gets into one, whatever way it takes."""

import asyncio
import io
import json
import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tornado.httpserver import HTTPServer
from tornado.iostream import IOStream
from tornado.testing import bind_unused_port
from tornado.web import Application, RequestHandler

from server.config import LogConfig
from server.logs import JsonFormatter, RedactingFormatter, access_log, configure_logging, redact, redact_text

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl-_x"
LOG = logging.getLogger("test.logs")


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    """The root logger, with its handlers and level put back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def json_lines(root_logger: logging.Logger) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(LogConfig(level="debug"), stream)
    return stream


@pytest.fixture
def text_lines(root_logger: logging.Logger) -> io.StringIO:
    stream = io.StringIO()
    configure_logging(LogConfig(format="text"), stream)
    return stream


def test_a_json_line_has_its_keys_in_order(json_lines: io.StringIO) -> None:
    LOG.info(
        "topic %s is up",
        "thread:42",
        extra={"trace_id": "t-1", "actor": "topic", "generation": 2, "user": None},
    )
    entry = json.loads(json_lines.getvalue())
    assert list(entry) == ["ts", "level", "logger", "message", "trace_id", "actor", "generation", "user"]
    assert (entry["level"], entry["logger"], entry["message"]) == (
        "info",
        "test.logs",
        "topic thread:42 is up",
    )
    assert (entry["trace_id"], entry["generation"], entry["user"]) == ("t-1", 2, None)


def test_the_time_is_utc_with_milliseconds() -> None:
    record = logging.makeLogRecord({"created": 1719958453.1279, "msg": "x"})
    assert json.loads(JsonFormatter().format(record))["ts"] == "2024-07-02T22:14:13.127Z"


def test_an_extra_cannot_pass_for_a_field_of_the_line(json_lines: io.StringIO) -> None:
    LOG.info("x", extra={"level": "fatal", "exception": "none"})
    entry = json.loads(json_lines.getvalue())
    assert (entry["level"], entry["extra_level"], entry["extra_exception"]) == ("info", "fatal", "none")


def test_an_exception_is_one_string(json_lines: io.StringIO) -> None:
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        LOG.info("failed", exc_info=True)
    assert json_lines.getvalue().count("\n") == 1
    exception = json.loads(json_lines.getvalue())["exception"]
    assert exception.startswith("Traceback (most recent call last):\n")
    assert exception.endswith("ValueError: first\nsecond")


def test_what_clients_send_is_cut_at_256_characters(json_lines: io.StringIO) -> None:
    LOG.info("topic %s", "a" * 300, extra={"topic": "b" * 257, "client": "c" * 256})
    entry = json.loads(json_lines.getvalue())
    assert entry["message"] == "topic " + "a" * 256 + "…"
    assert entry["topic"] == "b" * 256 + "…"
    assert entry["client"] == "c" * 256


def test_named_arguments_are_cut_as_well(json_lines: io.StringIO) -> None:
    LOG.info("%(topic)s", {"topic": "a" * 300})
    assert json.loads(json_lines.getvalue())["message"] == "a" * 256 + "…"


def test_a_payload_is_counted_not_shown(json_lines: io.StringIO) -> None:
    LOG.info("x", extra={"payload": {"card": "4111"}, "lag": float("nan")})
    entry = json.loads(json_lines.getvalue())
    assert (entry["payload"], entry["lag"]) == ("<dict of 1>", "nan")


def test_arguments_that_do_not_fit_are_said_and_not_shown() -> None:
    record = logging.makeLogRecord({"msg": "%d clients", "args": ("many",)})
    assert json.loads(JsonFormatter().format(record))["message"] == "%d clients (its arguments do not fit)"


@pytest.mark.parametrize("text", ["\n{}", "\r\x1b[2J", "\u2028", "\u202e", "\x85", '"', "\udcff"])
def test_no_client_text_can_start_a_line_or_move_a_terminal(
    json_lines: io.StringIO, text_lines: io.StringIO, text: str
) -> None:
    configure_logging(LogConfig(), json_lines)
    LOG.info("said %s", text, extra={"topic": text})
    configure_logging(LogConfig(format="text"), text_lines)
    LOG.info("said %s", text, extra={"topic": text})
    assert json.loads(json_lines.getvalue())["topic"] == text
    assert json_lines.getvalue().rstrip("\n").isascii()
    for lines in (json_lines, text_lines):
        assert lines.getvalue().removesuffix("\n").isprintable()


def test_a_text_line_is_for_people(text_lines: io.StringIO) -> None:
    LOG.debug("not at this level")
    LOG.info("topic is up", extra={"topic": "thread:42", "generation": 2})
    ts, rest = text_lines.getvalue().split(" ", 1)
    assert ts.endswith("Z")
    assert rest == "INFO    test.logs: topic is up topic=thread:42 generation=2\n"


def test_a_text_traceback_is_indented_below_its_line(text_lines: io.StringIO) -> None:
    try:
        raise ValueError("2024-07-02 INFO forged")
    except ValueError:
        LOG.info("failed", exc_info=True)
    lines = text_lines.getvalue().splitlines()
    assert lines[0].endswith("failed")
    assert len(lines) > 3
    assert all(line.startswith("    ") for line in lines[1:])


def test_configuring_twice_leaves_one_handler_and_spares_the_others(root_logger: logging.Logger) -> None:
    foreign = logging.NullHandler()
    root_logger.addHandler(foreign)
    first = configure_logging(LogConfig(), io.StringIO())
    second = configure_logging(LogConfig(level="warning"), io.StringIO())
    assert first not in root_logger.handlers
    assert {foreign, second} <= set(root_logger.handlers)
    assert root_logger.level == logging.WARNING


def test_the_default_stream_is_standard_error(root_logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(LogConfig())
    LOG.info("hello")
    assert json.loads(capsys.readouterr().err)["message"] == "hello"


@pytest.mark.parametrize(
    ("uri", "redacted"),
    [
        ("/api/ws?token=abc", "/api/ws?token=********"),
        ("/api/ws?a=1&token=abc&b=2", "/api/ws?a=1&token=********&b=2"),
        ("/api/ws?token=a&token=b#c", "/api/ws?token=********&token=********#c"),
        ("/api/ws?TOKEN=abc&ToKeN=d", "/api/ws?TOKEN=********&ToKeN=********"),
        ("/api/ws?t%6Fken=abc&%54%4f%4B%45%4e=x", "/api/ws?t%6Fken=********&%54%4f%4B%45%4e=********"),
        ("/api/ws?token=a;b,c d", "/api/ws?token=********"),
        ("/api/ws?a=1;token=abc", "/api/ws?a=1;token=********"),
        ("/api/ws?tokens=3&pretoken=4", "/api/ws?tokens=3&pretoken=4"),
        ("token=abc", "token=********"),
        ("/api/publish", "/api/publish"),
        ("", ""),
    ],
)
def test_a_token_in_a_query_is_masked_however_it_is_spelled(uri: str, redacted: str) -> None:
    assert redact(uri) == redacted


CREDENTIALS = [
    "GET /api/ws?token=SECRET HTTP/1.1",
    "GET /api/ws?%74%6f%6b%65%6e=SECRET",
    "/login?next=%2Fapi%2Fws%3Ftoken%3DSECRET",
    "Authorization: Bearer SECRET",
    "authorization: bearer  SECRET",
    "header=Bearer%20SECRET",
    '{"token": "SECRET"}',
    "{'token': 'SECRET'}",
    '"{\\"token\\":\\"SECRET\\"}"',
    "access_token=SECRET",
]
SUBPROTOCOLS = [
    "Sec-WebSocket-Protocol: fanwire.v1, fanwire.token.SECRET",
    "Sec-WebSocket-Protocol: Fanwire.Token.SECRET, fanwire.v1",
]


@pytest.mark.parametrize(
    ("text", "secret"),
    [(text, secret) for text in CREDENTIALS + SUBPROTOCOLS for secret in ("hunter2", JWT, "hünter")]
    + [(text, "a,b;c") for text in CREDENTIALS],
)
def test_a_credential_in_a_finished_line_is_masked(text: str, secret: str) -> None:
    line, masked = text.replace("SECRET", secret), text.replace("SECRET", "********")
    assert redact_text(line) == masked
    assert json.loads(redact_text(json.dumps(line))) == masked


@pytest.mark.parametrize("text", [f"bad {JWT}", f"x={JWT}", f"a%3D{JWT}", f"{JWT}, again", "eyJhbGciOiJub25lIn0.eyJ9."])
def test_a_jwt_is_masked_wherever_it_stands(text: str) -> None:
    assert "eyJ" not in redact_text(text)


@pytest.mark.parametrize("text", ["the token expired", "tokens: 3", "100 % of 5", "eyJ", "eyJust.a word", "bearer"])
def test_prose_is_left_alone(text: str) -> None:
    assert redact_text(text) == text


HOSTILE = [
    "eyJ",
    "eyJ.",
    "%3DeyJ",
    "token",
    "token=",
    "bearer ",
    "Bearer%20",
    "fanwire.token.",
    "\\",
    "token\\",
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_masking_a_long_hostile_line_takes_linear_time(piece: str) -> None:
    started = time.process_time()
    redact_text(piece * 60_000 + "!")
    # CPU time, so that a busy machine does not matter: linear is 0.1 s, quadratic many seconds.
    assert time.process_time() - started < 1


def test_a_traceback_and_an_extra_are_masked_too(json_lines: io.StringIO) -> None:
    try:
        raise ValueError(f"cannot decode {JWT}")
    except ValueError:
        LOG.info("GET %s", "/?token=hunter2", exc_info=True, extra={"header": "Bearer hunter2", "token": "hunter2"})
    assert "eyJ" not in json_lines.getvalue()
    assert "hunter2" not in json_lines.getvalue()
    assert json.loads(json_lines.getvalue())["message"] == "GET /?token=********"


@given(text=st.text() | st.text('tokenBear"\\=&? %3D.\n'))
@example('token="\\')
@example('{"token": "a\\"b"}')
def test_a_masked_json_line_is_still_json(text: str) -> None:
    record = logging.makeLogRecord({"msg": text, "topic": text})
    line = RedactingFormatter(JsonFormatter()).format(record)
    assert isinstance(json.loads(line)["message"], str)
    assert "\n" not in line


class Answer(RequestHandler):
    def get(self) -> None:
        self.set_status(int(self.get_argument("status")))
        self.finish()


async def request(uri: str) -> None:
    """Serve one real request with `access_log`, and return when its answer has been logged and sent."""
    listener, port = bind_unused_port()
    server = HTTPServer(Application([("/answer", Answer)], log_function=access_log))
    server.add_socket(listener)
    stream = IOStream(socket.socket())
    await stream.connect(("127.0.0.1", port))
    await stream.write(f"GET {uri} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    await asyncio.wait_for(stream.read_until_close(), 5)
    server.stop()
    await server.close_all_connections()


@pytest.mark.gen_test
async def test_an_answered_request_is_one_line_without_its_token(json_lines: io.StringIO) -> None:
    await request("/answer?status=204&t%6fken=hunter2")
    (entry,) = [entry for entry in map(json.loads, json_lines.getvalue().splitlines()) if "uri" in entry]
    assert entry["logger"] == "fanwire.access"
    assert entry["level"] == "info"
    assert entry["message"] == "GET /answer?status=204&t%6fken=******** 204"
    assert (entry["method"], entry["status"], entry["remote_ip"]) == ("GET", 204, "127.0.0.1")
    assert entry["uri"] == "/answer?status=204&t%6fken=********"
    assert 0 <= entry["duration_ms"] < 5000


@pytest.mark.gen_test
@pytest.mark.parametrize(("status", "level"), [(200, "INFO"), (404, "INFO"), (429, "INFO"), (503, "WARNING")])
async def test_only_the_servers_own_failures_are_warnings(
    caplog: pytest.LogCaptureFixture, expected_logs: Any, status: int, level: str
) -> None:
    expected_logs.allow("/answer?status=503 503")
    caplog.set_level(logging.INFO)
    await request(f"/answer?status={status}")
    assert [record.levelname for record in caplog.records if record.name == "fanwire.access"] == [level]


@pytest.mark.gen_test
async def test_a_handler_of_somebody_else_sees_no_token_either(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await request("/answer?status=200&token=hunter2")
    (record,) = [record for record in caplog.records if record.name == "fanwire.access"]
    assert "hunter2" not in record.getMessage() + str(vars(record))


@pytest.mark.gen_test
async def test_people_read_the_request_once(text_lines: io.StringIO) -> None:
    await request("/answer?status=200")
    line = text_lines.getvalue().strip()
    assert "fanwire.access: GET /answer?status=200 200 duration_ms=" in line
    assert line.endswith("remote_ip=127.0.0.1")
    assert "uri=" not in line
