"""What readers of a thread see."""

import pytest

from server.testing import Wanted, WsHarness


@pytest.mark.parametrize("transport", ["websocket", "sse"])
async def test_a_reader_sees_a_message(gateway, token, started_chat, transport):
    chat = await started_chat()
    async with WsHarness(gateway, token("ada", ["thread:42"]), topics=["thread:42"], transport=transport) as ws:
        await chat.say("42", "bob", "Hello")
        packet = await ws.expect("thread_message_created", timeout=1)
        assert packet["data"]["content"] == "Hello"


async def test_a_message_that_is_taken_back_is_first_seen_and_then_gone(gateway, token, started_chat):
    chat = await started_chat()
    async with WsHarness(gateway, token("ada", ["thread:42"]), topics=["thread:42"]) as ws:
        message = await chat.say("42", "bob", "Oops")
        await chat.take_back("42", message)
        same = {"message": message}
        await ws.expect_sequence(
            [Wanted("thread_message_created", where=same), Wanted("thread_message_deleted", where=same)]
        )
        await ws.expect_nothing(for_s=0.05)


async def test_who_is_not_in_a_thread_cannot_read_it(gateway, token):
    async with WsHarness(gateway, token("eve", ["thread:7"])) as ws:
        answer = await ws.ask("subscribe", {"topics": ["thread:42"]})
        assert answer["data"]["refused"]["thread:42"]["code"] == "forbidden"


async def test_who_has_no_token_is_not_let_in(gateway):
    await WsHarness(gateway).expect_refused(4401)
