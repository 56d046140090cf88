#!/usr/bin/env python3
"""A FastAPI back end that tells browsers what happens, by publishing to a gateway over HTTP.

    pip install fastapi uvicorn
    python examples/fastapi_publisher.py --port 9000 --gateway http://127.0.0.1:8080
    curl -X POST http://127.0.0.1:9000/threads/42/messages -H 'Content-Type: application/json' -d '{"text": "Hello"}'

The back end holds no WebSocket, and may run as many processes as it likes.
"""

import argparse
import http.client
import json
import threading
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

__all__ = ["GatewayAway", "Publisher", "create_app", "main"]

TRIES = 5
TIMEOUT_S = 5.0


class GatewayAway(Exception):
    """Nobody took the message, although it was offered several times."""


class Publisher:
    """Publishes over HTTP, with a connection for each thread that does."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._address = urlsplit(url).netloc
        self._headers = {"Content-Type": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._local = threading.local()

    def publish(self, topic: str, kind: str, data: object) -> dict[str, Any]:
        """The answer of the gateway, ``id`` and ``seq`` in it. Raises: GatewayAway, ValueError where it refuses.

        The id is made once: a message that is sent again, because nobody knows what became of it, is stored once.
        """
        body = json.dumps({"id": str(uuid.uuid4()), "topic": topic, "type": kind, "data": data})
        for attempt in range(TRIES):
            time.sleep(0.2 * attempt)
            try:
                status, answer = self._post(body)
            except (OSError, http.client.HTTPException):
                self._forget_connection()
                continue
            if status == 200:
                return answer
            if status not in (429, 503):
                raise ValueError(f"{answer['code']}: {answer['message']}")
        raise GatewayAway

    def _post(self, body: str) -> tuple[int, dict[str, Any]]:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = http.client.HTTPConnection(self._address, timeout=TIMEOUT_S)
        connection.request("POST", "/api/publish", body, self._headers)
        response = connection.getresponse()
        answer: dict[str, Any] = json.loads(response.read())
        return response.status, answer

    def _forget_connection(self) -> None:
        self._local.connection.close()
        self._local.connection = None


class NewMessage(BaseModel):
    text: str


def create_app(publisher: Publisher) -> FastAPI:
    app = FastAPI()

    # Not async: FastAPI runs it in a thread, where waiting for the gateway stalls nobody.
    @app.post("/threads/{thread}/messages", status_code=201)
    def post_message(thread: int, message: NewMessage) -> dict[str, Any]:
        try:
            stored = publisher.publish(f"thread:{thread}", "thread_message_created", {"text": message.text})
        except GatewayAway:
            raise HTTPException(503, "the gateway is away; try again", {"Retry-After": "1"}) from None
        return {"id": stored["id"], "seq": stored["seq"]}

    return app


def main() -> None:
    parser = argparse.ArgumentParser(description="a FastAPI back end that publishes to a gateway")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--gateway", default="http://127.0.0.1:8080")
    parser.add_argument("--token", help="where the gateway wants one: fanwire token --sub backend --publish 'thread:*'")
    arguments = parser.parse_args()
    app = create_app(Publisher(arguments.gateway, arguments.token))
    uvicorn.run(app, host="127.0.0.1", port=arguments.port, log_level="warning")


if __name__ == "__main__":
    main()
