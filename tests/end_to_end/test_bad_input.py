"""Hostile and careless input over a WebSocket: a documented answer each time, and a neighbour that never notices.

Next to every bad client sits a good one on the same topic, which must see every message, in order.
"""

import asyncio
import json
import resource
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from gateways import RunningGateway, Tab, envelope, running_gateway
from node_peers import Closed, NodeWebSocket
from wire import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawClient, frame_bytes

ID = "6f7c8a2e-52a4-4d0e-9c1b-0d6f2b7a9e11"


def _system(type: object, data: object) -> dict[str, object]:
    return {"v": 1, "id": ID, "topic": "system", "type": type, "data": data}


def _with_data(json_text: str) -> str:
    """A publish whose ``data`` is any text at all."""
    return f'{{"v":1,"id":"{ID}","topic":"t","type":"n","data":{json_text}}}'


@asynccontextmanager
async def _with_neighbour() -> AsyncIterator[RunningGateway]:
    """A gateway whose topic ``t`` is published to all the while; at the end its subscriber has seen everything."""
    async with running_gateway() as running, await running.tab() as neighbour:
        await neighbour.subscribe("t")
        sent = asyncio.ensure_future(_publish_until_told(running, stop := asyncio.Event()))
        try:
            yield running
        finally:
            stop.set()
            count = await sent
        await _sees_all(neighbour, count)


async def _publish_until_told(running: RunningGateway, stop: asyncio.Event) -> int:
    count = 0
    while not stop.is_set() or count < 10:
        assert (await running.publish({"topic": "t", "type": "n", "data": count})).status == 200
        count += 1
    return count


async def _sees_all(neighbour: Tab, count: int) -> None:
    messages = [await neighbour.frame_of_type("n") for _ in range(count)]
    assert [message["data"] for message in messages] == list(range(count))
    assert [message["prev"] for message in messages[1:]] == [message["seq"] for message in messages[:-1]]


BAD_FRAMES: Sequence[tuple[Any, str, str, bool]] = [
    # text or object, code, beginning of the message, whether the id could be made out
    ("", "bad_json", "body: ", False),
    ("{", "bad_json", "body: ", False),
    ("[]", "bad_json", "body: must be a JSON object, not array", False),
    ("null", "bad_json", "body: must be a JSON object, not null", False),
    ('"fanwire"', "bad_json", "body: must be a JSON object, not string", False),
    (_with_data("NaN"), "bad_json", "data: is NaN", True),
    (_with_data("[Infinity]"), "bad_json", "data[0]: is NaN", True),
    (_with_data('"\\udfff"'), "bad_json", "data: has a lone", True),
    (_with_data("99999999999999999"), "bad_json", "data: is an integer", True),
    (_with_data("[" * 40 + "]" * 40), "bad_json", "data[0][0]", True),
    ("[" * 30_000, "bad_json", "body: ", False),
    ({"id": ID, "topic": "t", "type": "n"}, "bad_version", "v: ", True),
    ({"v": "1", "id": ID, "topic": "t", "type": "n"}, "bad_version", "v: ", True),
    ({"v": 2, "id": ID, "topic": "system", "type": "pong"}, "bad_version", "v: ", True),
    ({"v": 1, "topic": "t", "type": "n"}, "bad_envelope", "id: must be a uuid4", False),
    ({"v": 1, "id": "7", "topic": "t", "type": "n"}, "bad_envelope", "id: must be a uuid4", False),
    ({"v": 1, "id": str(uuid.UUID(int=0)), "topic": "t", "type": "n"}, "bad_envelope", "id: must be", False),
    ({"v": 1, "id": ID, "type": "n"}, "bad_topic", "topic: must be a string", True),
    ({"v": 1, "id": ID, "topic": "", "type": "n"}, "bad_topic", "topic: must be 1 to 255", True),
    ({"v": 1, "id": ID, "topic": "a b", "type": "n"}, "bad_topic", "topic: must be 1 to 255", True),
    ({"v": 1, "id": ID, "topic": "t\n", "type": "n"}, "bad_topic", "topic: must be 1 to 255", True),
    ({"v": 1, "id": ID, "topic": "tä", "type": "n"}, "bad_topic", "topic: must be 1 to 255", True),
    ({"v": 1, "id": ID, "topic": "t" * 256, "type": "n"}, "bad_topic", "topic: must be 1 to 255", True),
    ({"v": 1, "id": ID, "topic": "t"}, "bad_envelope", "type: must be 1 to 64", True),
    ({"v": 1, "id": ID, "topic": "t", "type": "N"}, "bad_envelope", "type: must be 1 to 64", True),
    ({"v": 1, "id": ID, "topic": "t", "type": "n" * 65}, "bad_envelope", "type: must be 1 to 64", True),
    ({"v": 1, "id": ID, "topic": "t", "type": "n", "key": 1}, "bad_envelope", "key: must be a string", True),
    ({"v": 1, "id": ID, "topic": "t", "type": "n", "key": "k" * 129}, "bad_envelope", "key: must be", True),
    (_system("publish", {}), "unknown_type", "type: must be subscribe, unsubscribe, pong or auth", True),
    (_system("hello", {}), "unknown_type", "type: must be subscribe", True),
    (_system(7, {}), "bad_envelope", "type: must be a string", True),
    (_system("subscribe", []), "bad_envelope", "data: must be an object", True),
    (_system("subscribe", {}), "bad_envelope", "data.topics: must be an object or a list", True),
    (_system("subscribe", {"topics": [1]}), "bad_envelope", "data.topics: must be", True),
    (_system("subscribe", {"topics": {"t": 5}}), "bad_envelope", "data.topics['t']: must be an object", True),
    (_system("subscribe", {"topics": {"t": {"since": -1}}}), "bad_envelope", "data.topics['t'].since: ", True),
    (_system("subscribe", {"topics": {"t": {"since": 1.5}}}), "bad_envelope", "data.topics['t'].since: ", True),
    (_system("subscribe", {"topics": {"t": {"since": "latest"}}}), "bad_envelope", "data.topics['t'].since: ", True),
    (_system("unsubscribe", {"topics": 7}), "bad_envelope", "data.topics: must be", True),
    (_system("pong", {"seen": []}), "bad_envelope", "data.seen: must be an object", True),
    (_system("pong", {"seen": {"t": 7}}), "bad_envelope", "data.seen: must be an object", True),
    (_system("auth", {}), "bad_envelope", "data.token: must be a token", True),
    (_system("auth", {"token": ""}), "bad_envelope", "data.token: must be a token", True),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("frame", "code", "message", "answers_an_id"), BAD_FRAMES)
async def test_a_bad_frame_is_answered_and_the_connection_lives(
    frame: object, code: str, message: str, answers_an_id: bool
) -> None:
    async with running_gateway() as running, await running.tab() as tab:
        await tab.frame_of_type("hello")
        await tab.send(frame)
        error = await tab.frame()
        assert (error["type"], error["topic"], error["data"]["code"]) == ("error", "system", code), error
        assert error["data"]["message"].startswith(message), error
        assert error.get("re") == (ID if answers_an_id else None)
        assert (await tab.subscribe("t"))["topics"]["t"]["recovered"] is True


@pytest.mark.gen_test
async def test_the_fifth_bad_frame_closes_4400_after_its_own_answer() -> None:
    async with _with_neighbour() as running, await running.tab() as tab:
        for _ in range(5):
            await tab.send("{")
        closed = await tab.closed()
        assert closed.code == 4400
        assert "bad frames" in closed.reason
        assert [frame["type"] for frame in tab.seen] == ["hello", *["error"] * 5]


@pytest.mark.gen_test
async def test_a_binary_frame_closes_4400() -> None:
    async with _with_neighbour() as running, await running.tab() as tab:
        await tab.send(b'{"v":1}')
        assert await tab.closed() == Closed(4400, "binary frame: frames must be text")


@pytest.mark.gen_test
async def test_a_forbidden_name_is_refused_by_itself_and_the_others_are_joined() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        data = await tab.subscribe("t", "system", "a b", "u")
        assert sorted(data["topics"]) == ["t", "u"]
        assert {name: refusal["code"] for name, refusal in data["refused"].items()} == {
            "system": "bad_topic",
            "a b": "bad_topic",
        }


@pytest.mark.gen_test
async def test_one_topic_too_many_is_refused_with_the_limit() -> None:
    async with running_gateway({"limits.topics_per_client": 2}) as running, await running.tab() as tab:
        data = await tab.subscribe("a", "b", "c")
        assert sorted(data["topics"]) == ["a", "b"]
        assert data["refused"]["c"]["code"] == "too_many_topics"
        assert "2" in data["refused"]["c"]["message"]


@pytest.mark.slow
@pytest.mark.gen_test
async def test_too_many_frames_a_second_are_refused_and_slowed_down() -> None:
    async with running_gateway({"limits.client_messages_per_s": 5}) as running, await running.tab() as tab:
        requests = [envelope("t", data=n) for n in range(8)]
        for request in requests:
            await tab.send(request)
        while len(replies := [frame for frame in tab.seen if "re" in frame]) < 8:
            await tab.frame()
        assert [reply["re"] for reply in replies] == [request["id"] for request in requests]
        assert [reply["type"] for reply in replies[:5]] == ["published"] * 5
        refusals = [reply["data"] for reply in replies if reply["type"] == "error"]
        assert refusals and {refusal["code"] for refusal in refusals} == {"rate_limited"}
        assert "client_messages_per_s" in refusals[0]["message"]


@pytest.mark.gen_test
@pytest.mark.parametrize("size", [65_537, 70_000, 5_000_000])
async def test_too_big_a_frame_closes_1009_and_its_sender_reads_the_code(size: int) -> None:
    async with _with_neighbour() as running, await running.tab() as tab:
        await tab.send("x" * size)
        assert (await tab.closed()).code == 1009


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
@pytest.mark.parametrize("size", [70_000, 2_500_000])
async def test_node_reads_the_1009_as_well(size: int) -> None:
    async with running_gateway() as running, NodeWebSocket(running.ws_url, protocols=["fanwire.v1"]) as peer:
        await peer.send_text("x" * size)
        assert (await peer.closed()).code == 1009


@pytest.mark.gen_test
async def test_a_frame_as_large_as_the_limit_is_read() -> None:
    async with running_gateway() as running, await running.tab() as tab:
        message = envelope("t", data="")
        message["data"] = "x" * (65_536 - len(json.dumps(message)))
        assert (await tab.ask(message))["type"] == "published"


@pytest.mark.gen_test
async def test_fragments_that_are_too_big_together_close_1009() -> None:
    async with _with_neighbour() as running, await RawClient.upgraded(running.port) as client:
        await client.send(TEXT, b"x" * 40_000, fin=False)
        await client.send(CONTINUATION, b"x" * 40_000)
        assert (await client.closed() or Closed(0, "")).code == 1009


UTF8_SPLIT = "ä".encode()
ILLEGAL: Sequence[tuple[str, bytes, int]] = [
    ("unmasked", frame_bytes(TEXT, b"{}", masked=False), 1002),
    ("unmasked ping", frame_bytes(PING, b"", masked=False), 1002),
    ("unmasked close", frame_bytes(CLOSE, (1000).to_bytes(2), masked=False), 1002),
    ("reserved bit 1", frame_bytes(TEXT, b"{}", reserved=4), 1002),
    ("reserved bit 2", frame_bytes(TEXT, b"{}", reserved=2), 1002),
    ("reserved bit 3", frame_bytes(TEXT, b"{}", reserved=1), 1002),
    ("opcode 3", frame_bytes(3, b""), 1002),
    ("opcode 11", frame_bytes(11, b""), 1002),
    ("continuation of nothing", frame_bytes(CONTINUATION, b"{}"), 1002),
    ("text inside a fragmented text", frame_bytes(TEXT, b"{", fin=False) + frame_bytes(TEXT, b"}"), 1002),
    ("fragmented ping", frame_bytes(PING, b"", fin=False), 1002),
    ("fragmented close", frame_bytes(CLOSE, (1000).to_bytes(2), fin=False), 1002),
    ("ping of 126 bytes", frame_bytes(PING, b"x" * 126), 1002),
    ("not UTF-8", frame_bytes(TEXT, b'{"v":"\xff"}'), 1007),
    ("a surrogate in UTF-8", frame_bytes(TEXT, b"\xed\xa0\x80"), 1007),
    ("half a character", frame_bytes(TEXT, UTF8_SPLIT[:1]), 1007),
    (
        "not UTF-8 over two fragments",
        frame_bytes(TEXT, b'{"v":"\xc3', fin=False) + frame_bytes(CONTINUATION, b'("}'),
        1007,
    ),
    ("close of one byte", frame_bytes(CLOSE, b"\x03"), 1002),
    *((f"close {code}", frame_bytes(CLOSE, code.to_bytes(2)), 1002) for code in (0, 999, 1004, 1005, 1006, 1015)),
    *((f"close {code}", frame_bytes(CLOSE, code.to_bytes(2)), 1002) for code in (1016, 2999, 5000, 65535)),
    ("close with a bad reason", frame_bytes(CLOSE, (1000).to_bytes(2) + b"\xff"), 1007),
]


@pytest.mark.gen_test
@pytest.mark.parametrize(("data", "code"), [case[1:] for case in ILLEGAL], ids=[case[0] for case in ILLEGAL])
async def test_an_illegal_frame_is_closed_with_the_code_of_the_rfc(data: bytes, code: int) -> None:
    async with _with_neighbour() as running, await RawClient.upgraded(running.port) as client:
        await client.send_bytes(data)
        closed = await client.closed()
        assert closed is not None and closed.code == code, closed
        assert closed.reason
        assert await client.gone() == b""


@pytest.mark.gen_test
async def test_a_character_split_over_two_fragments_is_no_flaw() -> None:
    async with running_gateway() as running, await RawClient.upgraded(running.port) as client:
        text = json.dumps(envelope("t", data="ä"), ensure_ascii=False).encode()
        middle = text.index(UTF8_SPLIT) + 1
        await client.send(TEXT, text[:middle], fin=False)
        await client.send(PING, b"between")
        await client.send(CONTINUATION, text[middle:])
        frames = [await client.frame() for _ in range(3)]
        assert [frame.opcode for frame in frames if frame] == [TEXT, PONG, TEXT]
        assert frames[2] is not None and json.loads(frames[2].payload)["type"] == "published"


@pytest.mark.gen_test
async def test_a_legal_close_code_is_answered_with_the_same() -> None:
    for code in (1000, 1001, 3000, 4999):
        async with running_gateway() as running, await RawClient.upgraded(running.port) as client:
            await client.send(CLOSE, code.to_bytes(2) + b"bye")
            assert (await client.closed() or Closed(0, "")).code == code


@pytest.mark.gen_test
async def test_nothing_that_follows_a_violation_is_believed() -> None:
    async with running_gateway() as running, await RawClient.upgraded(running.port) as client:
        publish = frame_bytes(TEXT, json.dumps(envelope("after")).encode())
        await client.send_bytes(frame_bytes(TEXT, b"\xff") + publish * 3)
        assert (await client.closed() or Closed(0, "")).code == 1007
        await client.gone()
        assert "after" not in running.gateway.directory._topics


@pytest.mark.gen_test
async def test_nothing_that_follows_a_close_frame_is_believed() -> None:
    async with running_gateway() as running, await RawClient.upgraded(running.port) as client:
        publish = frame_bytes(TEXT, json.dumps(envelope("after")).encode())
        await client.send_bytes(frame_bytes(CLOSE, (1000).to_bytes(2)) + publish * 3)
        assert await client.closed() == Closed(1000, "")
        await client.gone()
        assert "after" not in running.gateway.directory._topics


@pytest.mark.gen_test
async def test_nothing_that_follows_the_gateways_own_close_is_believed() -> None:
    async with running_gateway() as running, await RawClient.upgraded(running.port) as client:
        publish = frame_bytes(TEXT, json.dumps(envelope("after")).encode())
        await client.send_bytes(frame_bytes(BINARY, b"\0") + publish * 3)
        assert (await client.closed() or Closed(0, "")).code == 4400
        await client.send_bytes(publish + frame_bytes(CLOSE, (4400).to_bytes(2)))
        await client.gone()
        assert "after" not in running.gateway.directory._topics


@pytest.mark.gen_test
async def test_frames_that_come_after_the_gateway_has_closed_do_not_cost_the_client_its_code() -> None:
    async with _with_neighbour() as running, await RawClient.upgraded(running.port) as client:
        await client.send_bytes(frame_bytes(BINARY, b"\0") + frame_bytes(TEXT, b"x" * 60_000) * 20)
        assert (await client.closed() or Closed(0, "")).code == 4400


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.slow
@pytest.mark.gen_test(timeout=20)
async def test_a_ping_flood_without_reading_stays_in_the_floods_own_tcp() -> None:
    async with running_gateway() as running, await running.tab() as neighbour:
        await neighbour.subscribe("t")
        async with await RawClient.upgraded(running.port, receive_buffer=4096) as client:
            before = _resident_bytes()
            flood = frame_bytes(PING, b"x" * 125) * 2000
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.0):
                    # 64 MB would go through if each pong were queued; a stalled sender gets nowhere near.
                    for _ in range(256):
                        await client.send_bytes(flood)
            assert _resident_bytes() - before < 8 * 1024 * 1024
            await running.publish({"topic": "t", "type": "n", "data": "still here"})
            assert (await neighbour.frame_of_type("n"))["data"] == "still here"
