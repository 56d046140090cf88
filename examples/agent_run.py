#!/usr/bin/env python3
"""Publishes a run of an AI agent to a topic, word by word, with nothing but the standard library.

    python examples/agent_run.py                       one run to thread:demo, 50 words a second
    python examples/agent_run.py --forever             one run after the other
    python examples/agent_run.py --text my.txt --rate 20 --topic thread:42 --token "$TOKEN"

The events are run_started, thread_message_created, a stream_chunk per word, and run_finished. Exit codes:
0 done or Ctrl+C, 2 usage, 4 denied, 5 the gateway did not come up or went away.
"""

import argparse
import http.client
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Gateway", "GatewayUnreachable", "Refused", "main", "publish_run", "words_of"]

STORY = Path(__file__).with_name("story.txt")
COME_UP_S = 30.0
ANSWER_TIMEOUT_S = 10.0
RETRIES = 60
RETRY_S = 1.0
LONGEST_WAIT_S = 30.0
PAUSE_S = 3.0
RETRY_STATUSES = (429, 503)


class Refused(Exception):
    """The gateway said no, and would say so again."""

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(status, answer)
        self.status = status
        self.answer = answer

    def __str__(self) -> str:
        return f"{self.status}: {self.answer}"


class GatewayUnreachable(Exception):
    """Nobody answered for longer than we are willing to wait."""


class Gateway:
    """Publishes to one topic over one connection that is kept open; makes a new one when it is lost."""

    def __init__(self, url: str, topic: str, token: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SystemExit(f"--url: must look like http://127.0.0.1:8080, not {url!r}")
        tls = parts.scheme == "https"
        kind = http.client.HTTPSConnection if tls else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=ANSWER_TIMEOUT_S)
        self._path = parts.path.rstrip("/")
        self._topic = topic
        self._headers = {"Content-Type": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"

    def wait_until_ready(self, deadline: float) -> None:
        """``deadline`` on the monotonic clock. Raises: GatewayUnreachable."""
        while not self._is_ready():
            if time.monotonic() >= deadline:
                raise GatewayUnreachable("no gateway answered /readyz in time; start one: fanwire serve --dev")
            time.sleep(0.2)

    def publish(self, kind: str, data: dict[str, object]) -> None:
        """Returns once the gateway has stored the message. Raises: Refused, GatewayUnreachable.

        However often a try is repeated, the same id makes sure that the message is stored once.
        """
        message = {"id": str(uuid.uuid4()), "topic": self._topic, "type": kind, "data": data}
        body = json.dumps(message).encode()
        for _ in range(RETRIES):
            wait_s = self._try_to_publish(body)
            if wait_s is None:
                return
            time.sleep(wait_s)
        raise GatewayUnreachable(f"the gateway took no message in {RETRIES} tries")

    def _try_to_publish(self, body: bytes) -> float | None:
        """None when it is stored, else the seconds after which to try again. Raises: Refused."""
        try:
            self._connection.request("POST", f"{self._path}/api/publish", body, self._headers)
            answer = self._connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException):
            # Stored or not, nobody knows: which is what the id is for.
            self._connection.close()
            return RETRY_S
        if answer.status == 200:
            return None
        if answer.status in RETRY_STATUSES:
            return _seconds(answer.headers.get("Retry-After"))
        raise Refused(answer.status, text)

    def _is_ready(self) -> bool:
        try:
            self._connection.request("GET", f"{self._path}/readyz")
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return False
        return answer.status == 200


def _seconds(retry_after: str | None) -> float:
    """Retry-After in seconds; the header may also be a date, which this gateway does not send."""
    if retry_after is None or not retry_after.isdecimal():
        return RETRY_S
    return min(float(retry_after), LONGEST_WAIT_S)


def words_of(text: str) -> list[str]:
    """The words with the white space behind them: joined, they are the text again."""
    return re.findall(r"\S+\s*", text)


def publish_run(gateway: Gateway, words: list[str], rate: float) -> None:
    """One run; ``rate`` in words a second."""
    run_id, message_id = str(uuid.uuid4()), str(uuid.uuid4())
    began = time.monotonic()
    gateway.publish("run_started", {"run_id": run_id, "agent": "storyteller", "words": len(words)})
    gateway.publish("thread_message_created", {"run_id": run_id, "message_id": message_id, "role": "assistant"})
    for index, word in paced(words, rate):
        gateway.publish("stream_chunk", {"message_id": message_id, "index": index, "text": word})
    seconds = round(time.monotonic() - began, 3)
    gateway.publish("run_finished", {"run_id": run_id, "words": len(words), "seconds": seconds})


def paced(words: list[str], rate: float) -> Iterator[tuple[int, str]]:
    """Each word at its own moment: ``index / rate`` after the first, so that small delays never add up."""
    began = time.monotonic()
    for index, word in enumerate(words):
        time.sleep(max(0.0, began + index / rate - time.monotonic()))
        yield index, word


def main() -> int:
    arguments = _arguments()
    words = words_of(arguments.text.read_text(encoding="utf-8"))
    gateway = Gateway(arguments.url, arguments.topic, arguments.token)
    try:
        gateway.wait_until_ready(time.monotonic() + COME_UP_S)
        publish_run(gateway, words, arguments.rate)
        while arguments.forever:
            time.sleep(PAUSE_S)
            publish_run(gateway, words, arguments.rate)
    except KeyboardInterrupt:
        return 0
    except Refused as refused:
        print(f"agent_run: {refused}", file=sys.stderr)
        return 4 if refused.status in (401, 403) else 2
    except GatewayUnreachable as unreachable:
        print(f"agent_run: {unreachable}", file=sys.stderr)
        return 5
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    default_url = os.environ.get("FANWIRE_URL", "http://127.0.0.1:8080")
    parser.add_argument(
        "--url", default=default_url, help="the gateway (default: $FANWIRE_URL, else http://127.0.0.1:8080)"
    )
    parser.add_argument("--token", default=os.environ.get("FANWIRE_TOKEN"), help="default: $FANWIRE_TOKEN")
    parser.add_argument("--topic", default="thread:demo", help="default: %(default)s")
    parser.add_argument("--text", type=Path, default=STORY, metavar="FILE", help="what to tell (UTF-8)")
    parser.add_argument("--rate", type=_rate, default=50.0, help="words a second (default: 50)")
    parser.add_argument("--forever", action="store_true", help="begin again after each run")
    return parser.parse_args()


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate <= 10_000:
        raise argparse.ArgumentTypeError("must be words a second, more than 0 and at most 10000")
    return rate


if __name__ == "__main__":
    sys.exit(main())
