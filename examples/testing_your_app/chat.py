"""A chat's back end, as far as browsers hear of it: what happens in a thread goes to its topic."""

import json
import uuid
from typing import Any

from tornado.httpclient import AsyncHTTPClient


class Chat:
    """Posts to the gateway at ``gateway_url``, with a token that may publish to ``thread:*``."""

    def __init__(self, gateway_url: str, token: str) -> None:
        self._url = f"{gateway_url}/api/publish"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def say(self, thread: str, author: str, content: str) -> str:
        """Post a message; its id. Raises: HTTPClientError where the gateway does not take it."""
        message_id = str(uuid.uuid4())
        data = {"message": message_id, "author": author, "content": content}
        await self._publish(thread, "thread_message_created", data)
        return message_id

    async def take_back(self, thread: str, message_id: str) -> None:
        await self._publish(thread, "thread_message_deleted", {"message": message_id})

    async def _publish(self, thread: str, type: str, data: Any) -> None:
        body = json.dumps({"id": str(uuid.uuid4()), "topic": f"thread:{thread}", "type": type, "data": data})
        await AsyncHTTPClient().fetch(self._url, method="POST", headers=self._headers, body=body)
