"""``fanwire serve`` as a process of its own: what a test cannot reach into, and may kill."""

import json
import sys
from typing import Any

from tornado.simple_httpclient import SimpleAsyncHTTPClient

from server.testing.gateway_settings import QUIET, Settings, environment_of
from server.testing.server_process import ServerProcess
from server.testing.tokens import WITH_TOKENS, token_for

__all__ = ["GatewayProcess"]


class GatewayProcess(ServerProcess):
    """As a context it accepts before the body runs, and is stopped after it; a failing body gets its log.

    Takes the tokens of ``token_for`` unless ``settings`` (dotted keys) say otherwise.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        argv = [sys.executable, "-m", "server.cli", "serve", "--port", "{port}"]
        super().__init__(argv, env=environment_of({**QUIET, **WITH_TOKENS, **(settings or {})}))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def publish(self, topic: str, type: str, data: object = None, **more: object) -> dict[str, Any]:
        """Publish over HTTP as a backend does; the gateway's answer. Raises: HTTPClientError where it refused."""
        body = json.dumps({"topic": topic, "type": type, "data": {} if data is None else data, **more})
        headers = {"Authorization": f"Bearer {token_for('backend', publish=['*'])}"}
        client = SimpleAsyncHTTPClient(force_instance=True)
        try:
            answer = await client.fetch(f"{self.url}/api/publish", method="POST", body=body, headers=headers)
        finally:
            client.close()
        placed: dict[str, Any] = json.loads(answer.body)
        return placed
