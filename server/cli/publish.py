"""``fanwire publish``: one message to a gateway over HTTP, its answer as one JSON line."""

import argparse
import http.client
import json
import sys
import urllib.error
import urllib.request
import uuid
from typing import Any, NoReturn

from server.cli.exit_codes import CommandFailed, ExitCode
from server.cli.gateway_address import GatewayAddress, add_address_arguments, address_from

__all__ = ["configure", "exit_code_for", "message_from", "run"]

ANSWER_TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 1024 * 1024

_DESCRIPTION = """\
Publish one message. Prints the gateway's answer, {"id", "topic", "seq", "prev", "duplicate"}, as one JSON
line, after the message has been stored. The id is the message's trace id and makes repeating it safe: the
same --id on the same topic is stored once, and answered with "duplicate": true after that."""

_EXAMPLES = """\
examples:
  fanwire publish thread:demo hello
  fanwire publish thread:demo hello '{"text": "hi"}'
  date -Is | jq -R '{now: .}' | fanwire publish clock:wall tick -
  fanwire publish cart:7 changed '{"items": 3}' --key cart --token "$(fanwire token --sub shop --publish 'cart:*')"

exit codes: 0 stored; 2 the message breaks a rule; 4 the token is missing, bad or not for this topic;
            5 not reachable, or it has no room now (429, 503): try again, with the same --id"""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.description = _DESCRIPTION
    parser.epilog = _EXAMPLES
    parser.add_argument("topic", metavar="TOPIC", help="where to, such as thread:demo")
    parser.add_argument("type", metavar="TYPE", help="what happened, such as thread_message_created")
    parser.add_argument("data", metavar="JSON", nargs="?", help="the payload, or - to read it from stdin (default: {})")
    parser.add_argument("--id", help="trace id and idempotency key, a uuid4 (default: a new one)")
    parser.add_argument("--key", help="what the message is about, for policies that keep the newest per key")
    add_address_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    message = message_from(arguments)
    status, answer = _post(address_from(arguments), message)
    if status != 200:
        _fail(status, answer, message["id"])
    print(json.dumps(answer, ensure_ascii=False, separators=(",", ":")))
    return ExitCode.OK


def message_from(arguments: argparse.Namespace) -> dict[str, Any]:
    """The envelope to post. Raises: CommandFailed (2) where the data is not JSON."""
    message = {
        "id": arguments.id or str(uuid.uuid4()),
        "topic": arguments.topic,
        "type": arguments.type,
        "data": _data_from(arguments.data),
    }
    return message if arguments.key is None else message | {"key": arguments.key}


def _data_from(text: str | None) -> object:
    if text is None:
        return {}
    try:
        return json.loads(sys.stdin.buffer.read() if text == "-" else text)
    except (ValueError, RecursionError) as error:
        hint = """quote it for the shell, such as '{"text": "hi"}'"""
        raise CommandFailed(ExitCode.USAGE, f"JSON: not JSON: {error}; {hint}") from None


def _post(address: GatewayAddress, message: dict[str, Any]) -> tuple[int, Any]:
    headers = {"Content-Type": "application/json"}
    if address.token:
        headers["Authorization"] = f"Bearer {address.token}"
    body = json.dumps(message).encode()
    # parse_address let nothing but http and https through.
    request = urllib.request.Request(address.publish_url, body, headers, method="POST")  # noqa: S310
    try:
        with _opener().open(request, timeout=ANSWER_TIMEOUT_S) as answer:
            return answer.status, _json_of(answer.read(MAX_ANSWER_BYTES))
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, _json_of(refused.read(MAX_ANSWER_BYTES))
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        advice = f"is a gateway there? repeating with --id {message['id']} cannot publish it twice"
        raise CommandFailed(ExitCode.UNREACHABLE, f"{address.url}: {reason}; {advice}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """A token must not follow a redirect to somebody else; the 3xx is then reported as it is."""


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirect)


def _json_of(body: bytes) -> Any:
    """None where the body is not JSON: whatever answered is no gateway, and `_fail` says so."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def exit_code_for(status: int) -> ExitCode:
    """What an HTTP status other than 200 means to a script: fix the message, get a token, or come back."""
    match status:
        case 400 | 413:
            return ExitCode.USAGE
        case 401 | 403:
            return ExitCode.DENIED
        case _:
            return ExitCode.UNREACHABLE


def _fail(status: int, answer: Any, trace_id: str) -> NoReturn:
    if not isinstance(answer, dict) or "message" not in answer:
        raise CommandFailed(ExitCode.UNREACHABLE, f"--url: answered {status}, which no gateway does; check the URL")
    advice = {
        401: "; give --token or set FANWIRE_TOKEN; `fanwire token` makes one",
        429: f"; nothing was stored: try again with --id {trace_id}",
        503: f"; nothing was stored: try again with --id {trace_id}",
    }.get(status, "")
    raise CommandFailed(exit_code_for(status), f"{answer.get('code', status)}: {answer['message']}{advice}")
