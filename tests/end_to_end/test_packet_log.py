"""``grep <trace id>`` in a gateway's log tells the whole story of a message, where that is switched on."""

import json
from typing import Any

import pytest
from gateway_process import GatewayProcess
from gateways import LONG_S, WITH_TOKENS, envelope, token_for
from tornado.httpclient import HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from actors.protocol.envelope import new_trace_id
from server.testing import WsHarness

pytestmark = pytest.mark.slow

DEADLINE_S = 15.0
TOKEN = token_for("ada", publish=["*"], subscribe=["*"], ttl_s=LONG_S)
HOPS = ("accepted", "stored", "fanned_out", "written", "acked")


class Teller(GatewayProcess):
    """A gateway as a process, with tokens, that tells of packets what ``packets`` says."""

    def __init__(self, packets: str) -> None:
        told = {"log.level": "info", "log.format": "json", "log.packets": packets, "limits.client_messages_per_s": 1e5}
        super().__init__({**WITH_TOKENS, **told})

    def client(self) -> WsHarness:
        return WsHarness(f"http://127.0.0.1:{self.port}", TOKEN, topics=["thread:42"], timeout=DEADLINE_S)

    async def publish(self, messages: object) -> Any:
        http = SimpleAsyncHTTPClient(force_instance=True)
        try:
            headers = {"Authorization": f"Bearer {TOKEN}"}
            request = HTTPRequest(
                f"http://127.0.0.1:{self.port}/api/publish",
                "POST",
                headers,
                json.dumps(messages),
                request_timeout=DEADLINE_S,
            )
            return json.loads((await http.fetch(request)).body)
        finally:
            http.close()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def story_of(self, trace_id: str) -> list[dict[str, Any]]:
        """What ``grep`` finds."""
        return [line for line in self.lines() if trace_id in json.dumps(line)]


async def one_story(teller: Teller) -> tuple[dict[str, Any], dict[str, Any], str]:
    """A message is published, comes to one subscriber, and is acknowledged; with its place and the subscriber."""
    message = envelope("thread:42", "greeting")
    async with teller.client() as ws:
        placed = await teller.publish(message)
        await ws.expect("greeting")
        await ws.send(envelope("system", "pong", {"seen": {"thread:42": message["id"]}}))
        await ws.unsubscribe("thread:42")  # answered: so the pong before it was read
        return message, placed, ws.hello["client"]


def without_frame(line: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in line.items() if name not in ("ts", "level", "logger", "trace_id", "topic")}


@pytest.mark.gen_test(timeout=60)
async def test_the_whole_story_of_a_message_is_found_by_its_id_in_order() -> None:
    async with Teller("all") as teller:
        message, placed, client = await one_story(teller)
        await teller.wait_for_log('"message": "acked"', timeout_s=DEADLINE_S)
        story = teller.story_of(message["id"])
        seq = placed["seq"]
        assert [without_frame(line) for line in story] == [
            {"message": "accepted", "type": "greeting", "user": "ada"},
            {"message": "stored", "seq": seq, "prev": 0},
            {"message": "fanned_out", "seq": seq, "subscribers": 1},
            {"message": "written", "seq": seq, "client": client},
            {"message": "acked", "seq": seq, "client": client},
        ]
        assert {(line["logger"], line["level"], line["topic"], line["trace_id"]) for line in story} == {
            ("fanwire.packets", "info", "thread:42", message["id"])
        }
        assert [line["ts"] for line in story] == sorted(line["ts"] for line in story)
        assert no_secret_in(teller.log)


def no_secret_in(text: str) -> bool:
    return TOKEN not in text and all(part not in text for part in TOKEN.split("."))


@pytest.mark.gen_test(timeout=60)
async def test_a_client_that_publishes_is_named_with_its_user() -> None:
    async with Teller("all") as teller, teller.client() as ws:
        client, trace_id = ws.hello["client"], new_trace_id()
        await ws.publish("thread:42", "note", id=trace_id)
        await teller.wait_for_log('"message": "fanned_out"', timeout_s=DEADLINE_S)
        accepted = teller.story_of(trace_id)[0]
        assert without_frame(accepted) == {"message": "accepted", "type": "note", "user": "ada", "client": client}
        assert no_secret_in(teller.log)


@pytest.mark.gen_test(timeout=60)
async def test_by_default_nothing_is_told_of_packets() -> None:
    async with Teller("none") as teller:
        message, _, _ = await one_story(teller)
        await teller.publish(envelope("thread:42"))
        teller_log = teller.log
        assert teller.story_of(message["id"]) == []
        assert "fanwire.packets" not in teller_log
        assert no_secret_in(teller_log)


@pytest.mark.gen_test(timeout=90)
async def test_a_sample_tells_every_hop_of_the_same_messages_on_every_gateway() -> None:
    chosen = [f"{100 * number:08x}{new_trace_id()[8:]}" for number in range(1, 6)]
    ids = [new_trace_id() for _ in range(495)]
    expected = {trace_id for trace_id in [*ids, *chosen] if int(trace_id[:8], 16) % 100 == 0}
    messages = [envelope("thread:42", "note", number) | {"id": each} for number, each in enumerate([*ids, *chosen])]
    last = envelope("thread:42", "last") | {"id": f"{0:08x}{new_trace_id()[8:]}"}
    async with Teller("sampled") as one, Teller("sampled") as other:
        for teller in (one, other):
            async with teller.client() as ws:
                for begin in range(0, len(messages), 100):
                    await teller.publish(messages[begin : begin + 100])
                await teller.publish(last)
                await ws.expect("last")
                await ws.send(envelope("system", "pong", {"seen": {"thread:42": last["id"]}}))
                await teller.wait_for_log('"message": "acked"', timeout_s=DEADLINE_S)
            told = [line for line in teller.lines() if line["logger"] == "fanwire.packets"]
            assert {line["trace_id"] for line in told} == expected | {last["id"]}
            for trace_id in expected:
                assert [line["message"] for line in teller.story_of(trace_id)] == list(HOPS[:4])
            assert [line["message"] for line in teller.story_of(last["id"])] == list(HOPS)
            assert no_secret_in(teller.log)
