"""What happens to readers whose network, session or computer is not as good as a developer's."""

from server.testing import WsHarness


async def test_what_was_said_while_a_reader_was_gone_is_there_when_it_is_back(gateway, token, started_chat):
    chat = await started_chat()
    async with WsHarness(gateway, token("ada", ["thread:42"]), topics=["thread:42"]) as ws:
        await chat.say("42", "bob", "before")
        await ws.expect("thread_message_created")
        ws.drop()
        for n in range(3):
            await chat.say("42", "bob", f"missed {n}")
        await ws.resume()
        seen = await ws.expect_sequence(["thread_message_created"] * 3)
        assert [packet["data"]["content"] for packet in seen] == ["missed 0", "missed 1", "missed 2"]
        ws.assert_no_gap()


async def test_a_session_ends_with_its_token(gateway, token, manual_clock):
    async with WsHarness(gateway, token("ada", ttl_s=3600)) as ws:
        manual_clock.advance(3601)
        await ws.expect_close(4401, reason="expired")


async def test_a_reader_that_was_gone_for_longer_than_history_is_told_so(gateway, token, strict_limits):
    reader = token("ada", ["thread:*"])
    async with gateway(strict_limits) as small, WsHarness(small, reader, topics=["thread:42"]) as ws:
        await small.publish("thread:42", "thread_message_created", {"content": "seen"})
        await ws.expect("thread_message_created")
        ws.drop()
        for n in range(40):
            await small.publish("thread:42", "thread_message_created", {"content": f"missed {n}"})
        await ws.resume()
        gap = await ws.expect("gap")
        assert gap["data"]["reason"] == "history"
