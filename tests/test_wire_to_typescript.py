"""The browser client's wire module is what the gateway's tables say, and the tables say what is on the wire."""

import json
from pathlib import Path
from typing import Any, get_type_hints

import pytest

from actors.protocol.control_data import FROM_CLIENT, FROM_GATEWAY, JoinedData, MailboxBounds, MailboxState, PingData
from tools.typescript import interface, type_of
from tools.wire_to_typescript import COMMAND, WIRE, wire

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "vectors" / "frames.json").read_text())
SAID = [json.loads(v["text"]) for v in VECTORS if v["direction"] == "out" and '"topic":"system"' in v["text"]]
ASKED = [json.loads(v["text"]) for v in VECTORS if v["direction"] == "in" and '"topic":"system"' in v["text"]]
NESTED = {"mailbox": {"hello": MailboxBounds, "ping": MailboxState}}


def test_the_wire_module_of_the_client_is_fresh() -> None:
    assert WIRE.read_text() == wire(), f"run: {COMMAND}"


@pytest.mark.parametrize("frame", SAID, ids=[f"{frame['type']}-{index}" for index, frame in enumerate(SAID)])
def test_what_the_gateway_says_has_the_shape_of_its_table(frame: dict[str, Any]) -> None:
    shape = FROM_GATEWAY[frame["type"]]
    assert _required(shape) <= frame["data"].keys() <= get_type_hints(shape).keys()
    for field, by_kind in NESTED.items():
        if frame["type"] in by_kind:
            assert frame["data"][field].keys() == get_type_hints(by_kind[frame["type"]]).keys()


def test_every_frame_of_the_vectors_is_in_a_table_and_the_other_way_round() -> None:
    assert {frame["type"] for frame in SAID} == FROM_GATEWAY.keys()
    assert {frame["type"] for frame in ASKED} == FROM_CLIENT.keys()


def test_types_become_what_json_makes_of_them() -> None:
    assert type_of(float | None) == "number | null"
    assert type_of(dict[str, JoinedData]) == "Record<string, JoinedData>"
    assert interface("PingData", PingData).splitlines()[1] == "  readonly seen: Record<string, number>;"
    with pytest.raises(TypeError, match="teach"):
        type_of(set[int])


def _required(shape: type) -> frozenset[str]:
    keys: frozenset[str] = vars(shape)["__required_keys__"]
    return keys
