"""The gateway as a reconnect storm finds it: tokens are checked, admission lets everybody in, rooms have a history.

Owns no state. Only admission limits are raised, for thousands of clients from a few addresses; all else is as it comes.
"""

import http.client
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from bench.servers import Server, resolve
from bench.storm_dialogue import ALGORITHM, Resume, room_messages, sign

__all__ = ["authenticated_server", "fill_rooms", "is_turning"]

_SPARE_CONNECTIONS = 100
_ANSWER_S = 30.0


def authenticated_server(clients: int, secret: str) -> Server:
    """Fanwire with ``auth.mode = "jwt"`` and room for ``clients``. Raises: Unavailable where it is not installed."""
    admitted = str(clients + _SPARE_CONNECTIONS)
    environment = {
        "FANWIRE_AUTH__MODE": "jwt",
        "FANWIRE_AUTH__SECRET": secret,
        "FANWIRE_AUTH__ALGORITHMS": ALGORITHM,
        "FANWIRE_LIMITS__CONNECTIONS": admitted,
        "FANWIRE_LIMITS__CONNECTIONS_PER_IP": admitted,
        "FANWIRE_LIMITS__CONNECTIONS_PER_USER": admitted,
    }
    program = str(Path(sys.executable).with_name("fanwire"))
    command = (program, "serve", "--host", "127.0.0.1", "--port", "{port}")
    return replace(resolve("fanwire"), command=command, environment=environment)


def fill_rooms(port: int, resume: Resume, secret: str) -> dict[int, int | str]:
    """Publish to every room what its clients have seen and missed; returns the ``seq`` of what they have seen.

    Raises: RuntimeError with the gateway's answer when it refuses, OSError when it cannot be reached.
    """
    token = sign(secret, "backend", time.time(), publish=["bench:*"])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
    try:
        return {room: _publish(connection, token, room_messages(room, resume.missed)) for room in range(resume.rooms)}
    finally:
        connection.close()


def is_turning(port: int) -> bool:
    """Whether the gateway answers a health check: its loop has then done what was due before."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ANSWER_S)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def _publish(connection: http.client.HTTPConnection, token: str, messages: list[dict[str, object]]) -> int:
    connection.request("POST", "/api/publish", json.dumps(messages), {"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    said = answer.read()
    placed = json.loads(said) if answer.status == 200 else []
    if not placed or any("seq" not in each for each in placed):
        raise RuntimeError(f"fanwire did not store the messages to be missed: {answer.status} {said[:300]!r}")
    return int(placed[0]["seq"])
