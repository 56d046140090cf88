"""Owns how log lines look, as JSON for machines or text for people, and what may never stand in one.

Tokens are masked twice: where a URI is logged (`redact`), and in every finished line (`redact_text`).
"""

import json
import logging
import math
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from server.config import LogConfig

__all__ = [
    "ACCESS_LOGGER",
    "FanwireLogHandler",
    "JsonFormatter",
    "RedactingFormatter",
    "TextFormatter",
    "access_log",
    "configure_logging",
    "entry_of",
    "log_access",
    "redact",
    "redact_text",
]

ACCESS_LOGGER = "fanwire.access"
_MASK = "********"
_LONGEST_CLIENT_TEXT = 256
_LONGEST_MESSAGE = 4096
_LONGEST_EXCEPTION = 16384
# What json.dumps would make anew for each line that is not to its own defaults.
_to_json = json.JSONEncoder(allow_nan=False).encode
_RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# The access line's message says these already; people need not read them twice.
_SAID_IN_ACCESS_LINE = frozenset({"method", "uri", "status"})

# A query may spell any letter of "token" as %XX, and a server decodes it before it looks at the name.
_SPELLINGS = r"(?:t|%[57]4)(?:o|%[46]f)(?:k|%[46]b)(?:e|%[46]5)(?:n|%[46]e)"
_URI_TOKEN = re.compile(rf"((?:^|[?&;#]){_SPELLINGS}=)[^&#]*", re.IGNORECASE)
# In a finished JSON line a character of the value may have become \uXXXX, which must not end the value.
_VALUE = r"(?:[^\s\"'\\&#]|\\u[0-9a-f]{4})*"
_SECRETS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"({_SPELLINGS}(?:=|%3d)){_VALUE}",
        rf"({_SPELLINGS}\\*[\"']\s*:\s*\\*[\"']){_VALUE}",
        r"(fanwire\.token\.)(?:[^\s,\"'\\]|\\u[0-9a-f]{4})*",
        rf"(bearer(?:\s|%20|\+)+){_VALUE}",
    )
)
# The look-behind keeps this linear on long runs of base64url: one try per run, or per %XX inside it.
_JWT = re.compile(r"(?:(?<![A-Za-z0-9_-])|(?<=%[0-9A-Fa-f]{2}))eyJ[A-Za-z0-9_-]*+(?:\.[A-Za-z0-9_-]*+){2,4}")


def redact(uri: str) -> str:
    """``uri`` with the value of every query parameter called ``token``, however it is spelled, masked."""
    return _URI_TOKEN.sub(rf"\g<1>{_MASK}", uri)


def redact_text(text: str) -> str:
    """``text`` with all that looks like a credential masked.

    That is: ``token=…`` and ``"token": "…"``, the subprotocol ``fanwire.token.…``, ``Bearer …``, and any JWT.
    """
    lowered = text.lower()
    # Nearly every line ends here, before any pattern is tried.
    if not any(sign in lowered for sign in ("token", "earer", "eyj", "%")):
        return text
    for secret in _SECRETS:
        text = secret.sub(rf"\g<1>{_MASK}", text)
    return _JWT.sub(_MASK, text)


def entry_of(record: logging.LogRecord) -> dict[str, object]:
    """ts, level, logger, message and what ``extra`` gave, strings capped, not yet redacted."""
    entry: dict[str, object] = {
        "ts": _timestamp(record),
        "level": record.levelname.lower(),
        "logger": record.name,
        "message": _message(record),
    }
    for key, value in _extras(record).items():
        # What a caller calls "level" must not pass for the level of the line.
        entry[f"extra_{key}" if key in entry or key == "exception" else key] = value
    return entry


class JsonFormatter(logging.Formatter):
    """One JSON object per line, pure ASCII: ts, level, logger, message, what ``extra`` gave, exception."""

    def format(self, record: logging.LogRecord) -> str:
        entry = entry_of(record)
        exception = _exception(self, record)
        if exception:
            entry["exception"] = exception
        return _to_json(entry)


class TextFormatter(logging.Formatter):
    """One line per record for people, ``key=value`` pairs at its end, a traceback indented below it."""

    def format(self, record: logging.LogRecord) -> str:
        said = _SAID_IN_ACCESS_LINE if record.name == ACCESS_LOGGER else frozenset()
        pairs = [f"{key}={_visible(str(value))}" for key, value in _extras(record).items() if key not in said]
        head = f"{_timestamp(record)} {record.levelname:<7} {record.name}:"
        line = " ".join([head, _visible(_message(record)), *pairs])
        # Indented, so that no line of an exception's text can pass for a record.
        traceback = (f"    {_visible(part)}" for part in _exception(self, record).splitlines())
        return "\n".join([line, *traceback])


class RedactingFormatter(logging.Formatter):
    """The last line of defence: masks credentials in the line that another formatter has finished.

    A `logging.Filter` would not do: it sees a record before the message, extras and traceback become a line.
    """

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        return redact_text(self._inner.format(record))


class FanwireLogHandler(logging.StreamHandler[TextIO]):
    """The one handler that `configure_logging` puts on the root logger, and finds there again."""


def configure_logging(
    config: LogConfig, stream: TextIO | None = None, *, number: int | None = None
) -> FanwireLogHandler:
    """Send everything of ``config.level`` and above to ``stream`` (standard error), in ``config.format``.

    ``number``: which of several workers this is; every line then says it.
    A second call replaces what the first one set up; handlers of others stay. Returns the handler in use.
    """
    handler = FanwireLogHandler(sys.stderr if stream is None else stream)
    handler.setFormatter(RedactingFormatter(JsonFormatter() if config.format == "json" else TextFormatter()))
    if number is not None:
        handler.addFilter(_Numbered(number))
    root = logging.getLogger()
    for earlier in [known for known in root.handlers if isinstance(known, FanwireLogHandler)]:
        root.removeHandler(earlier)
        earlier.close()
    root.addHandler(handler)
    root.setLevel(config.level.upper())
    return handler


class _Numbered(logging.Filter):
    """Several workers write to one standard error."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number

    def filter(self, record: logging.LogRecord) -> bool:
        record.number = self._number
        return True


def access_log(handler: RequestHandler) -> None:
    """Tornado's ``log_function``: one line per answered request, WARNING where the server failed (5xx).

    What a ``routine`` handler did well (a publish, a health check) is DEBUG: thousands a second tell nobody anything.
    """
    routine = getattr(handler, "routine", False) and handler.get_status() < 400
    log_access(handler.request, handler.get_status(), logging.DEBUG if routine else logging.INFO)


def log_access(request: HTTPServerRequest, status: int, level: int = logging.INFO) -> None:
    """One line for ``request``, which was answered with ``status``."""
    if status >= 500:
        level = logging.WARNING
    if not logging.getLogger(ACCESS_LOGGER).isEnabledFor(level):
        return
    # Masked before it is cut: a token cut in half is still half a token.
    uri = _capped(redact(request.uri or ""))
    fields: Mapping[str, object] = {
        "method": request.method,
        "uri": uri,
        "status": status,
        "duration_ms": round(request.request_time() * 1000, 3),
        "remote_ip": request.remote_ip,
    }
    logging.getLogger(ACCESS_LOGGER).log(level, "%s %s %d", request.method, uri, status, extra=fields)


def _timestamp(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _message(record: logging.LogRecord) -> str:
    try:
        return _capped(_filled(record), _LONGEST_MESSAGE)
    except (TypeError, ValueError, KeyError):
        # Left to logging, the record and its arguments would be printed to stderr past every mask.
        return _capped(f"{record.msg} (its arguments do not fit)", _LONGEST_MESSAGE)


def _filled(record: logging.LogRecord) -> str:
    if not record.args:
        return str(record.msg)
    if isinstance(record.args, tuple):
        return str(record.msg) % tuple(map(_capped_argument, record.args))
    return str(record.msg) % {key: _capped_argument(value) for key, value in record.args.items()}


def _capped_argument(value: object) -> object:
    return _capped(value) if isinstance(value, str) else value


def _capped(text: str, longest: int = _LONGEST_CLIENT_TEXT) -> str:
    return text if len(text) <= longest else text[:longest] + "…"


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {key: _plain(value) for key, value in vars(record).items() if key not in _RECORD_FIELDS}


def _plain(value: object) -> object:
    match value:
        case str():
            return _capped(value)
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case dict() | list() | tuple() | set() | frozenset() | bytes():
            # A decoded payload may be huge and private: how much there was is all a log needs.
            return f"<{type(value).__name__} of {len(value)}>"
        case _:
            return _capped(str(value))


def _exception(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    text = record.exc_text or ""
    if record.exc_info and not text:
        text = formatter.formatException(record.exc_info)
    if record.stack_info:
        text = f"{text}\n{record.stack_info}".lstrip()
    return _capped(text, _LONGEST_EXCEPTION)


def _visible(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)[1:-1]
