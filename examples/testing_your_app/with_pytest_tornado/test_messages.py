"""A reader's view once more, in the loop of pytest-tornado."""

import pytest

from server.testing import WsHarness


@pytest.mark.gen_test
async def test_a_reader_sees_a_message(gateway, token):
    async with WsHarness(gateway, token("ada", ["thread:42"]), topics=["thread:42"]) as ws:
        await gateway.publish("thread:42", "thread_message_created", {"content": "Hello"})
        packet = await ws.expect("thread_message_created", timeout=1)
        assert packet["data"]["content"] == "Hello"
