"""docs/asyncapi.yaml is AsyncAPI by its own parser, and says what the gateway's tables say, no more and no less."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args, get_type_hints, is_typeddict

import pytest
from specs import ASYNCAPI, ASYNCAPI_FILE, DOCS

from actors.protocol import control_data
from actors.protocol.codes import CLOSE_REASON_MAX_BYTES, CloseCode, ErrorCode
from actors.protocol.control_data import FROM_CLIENT, FROM_GATEWAY
from server.auth import TOKEN_SUBPROTOCOL
from server.handlers.handshake import SUBPROTOCOL

PARSER = Path(__file__).parent / "asyncapi_parser"
PARSE_S = 60.0
SCHEMAS = ASYNCAPI["components"]["schemas"]
MESSAGES = ASYNCAPI["components"]["messages"]
CHANNELS = ASYNCAPI["channels"]
SHAPES = {name: shape for name, shape in vars(control_data).items() if is_typeddict(shape)}
# No control frames: any message, in either direction, and the one event that is no envelope.
OTHERS = {"publish", "message", "closed"}
FROM_CLIENT_SHAPES = {shape.__name__ for shape in FROM_CLIENT.values()}


def _parsed(document: Path) -> dict[str, Any]:
    """What AsyncAPI's parser has to say. Raises: AssertionError with what to do where it is not there."""
    assert shutil.which("node"), "node is missing. Run: make test (or apt-get install nodejs)"
    assert (PARSER / "node_modules").is_dir(), f"{PARSER.name}/node_modules is missing. Run: make test"
    argv = ["node", str(PARSER / "validate.mjs"), str(document)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=PARSE_S, check=False)
    assert done.stdout, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode == 0) == (not told["flaws"]), (done.returncode, told)
    return told


@pytest.mark.slow
def test_the_parser_of_asyncapi_finds_nothing_wrong() -> None:
    told = _parsed(ASYNCAPI_FILE)
    assert told["flaws"] == []
    assert set(told["operations"]) == ASYNCAPI["operations"].keys()


@pytest.mark.slow
def test_the_parser_of_asyncapi_does_find_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "envelope.schema.json").write_text((DOCS / "envelope.schema.json").read_text())
    broken = tmp_path / "asyncapi.yaml"
    broken.write_text(ASYNCAPI_FILE.read_text().replace("action: receive", "action: hear", 1))
    assert _parsed(broken)["flaws"]


@pytest.mark.parametrize("channel", CHANNELS)
def test_close_codes_are_those_of_the_gateway(channel: str) -> None:
    told = CHANNELS[channel]["x-close-codes"]
    assert {int(code): about["name"] for code, about in told.items()} == {int(code): code.name for code in CloseCode}
    assert all(about.keys() == {"name", "meaning", "reconnect"} for about in told.values())
    assert SCHEMAS["CloseCode"]["enum"] == list(CloseCode)


def test_the_specs_and_the_page_know_the_same_close_codes_and_who_comes_back() -> None:
    page = (DOCS / "protocol.md").read_text().partition("## 7. ")[2].partition("## 8. ")[0]
    rows = re.findall(r"^\| ([\d /]+) \| .* \| (\w+)[^|]*\|$", page, re.MULTILINE)
    by_page = {int(code): reconnect for codes, reconnect in rows for code in codes.split("/")}
    told = CHANNELS["websocket"]["x-close-codes"]
    assert by_page == {int(code): about["reconnect"].split()[0].rstrip(",") for code, about in told.items()}


def test_the_other_numbers_and_names_of_a_connection_are_those_of_the_gateway() -> None:
    assert CHANNELS["websocket"]["x-close-reason-max-bytes"] == CLOSE_REASON_MAX_BYTES
    assert CHANNELS["websocket"]["x-subprotocols"].keys() == {SUBPROTOCOL, TOKEN_SUBPROTOCOL}


def test_error_codes_are_those_of_the_gateway_and_each_is_explained() -> None:
    assert SCHEMAS["ErrorCode"]["enum"] == list(ErrorCode)
    assert list(SCHEMAS["ErrorCode"]["x-enum-descriptions"]) == list(ErrorCode)


def test_messages_are_the_control_frames_of_both_directions_and_messages_themselves() -> None:
    assert MESSAGES.keys() == FROM_CLIENT.keys() | FROM_GATEWAY.keys() | OTHERS
    assert CHANNELS["websocket"]["messages"].keys() == MESSAGES.keys() - {"closed"}
    assert CHANNELS["events"]["messages"].keys() == {"message", "closed"} | (
        FROM_GATEWAY.keys() - {"ping", "published", "unsubscribed"}
    )


@pytest.mark.parametrize("name", FROM_CLIENT.keys() | FROM_GATEWAY.keys())
def test_a_control_frame_has_the_type_of_its_name_and_the_data_of_its_table(name: str) -> None:
    shape = {**FROM_CLIENT, **FROM_GATEWAY}[name]
    assert MESSAGES[name]["payload"] == {"$ref": f"#/components/schemas/{name.capitalize()}"}
    properties = _properties(SCHEMAS[name.capitalize()])
    assert properties["type"] == {"const": name}
    assert properties["data"] == {"$ref": f"#/components/schemas/{shape.__name__}"}


@pytest.mark.parametrize("name", SHAPES)
def test_data_has_the_fields_of_its_table(name: str) -> None:
    shape, schema = SHAPES[name], SCHEMAS[name]
    hints, required = get_type_hints(shape), set(schema.get("required", ()))
    assert schema["properties"].keys() == hints.keys()
    # Of a client's frames the gateway takes some that say less than the table: an empty pong is one.
    assert required <= vars(shape)["__required_keys__"]
    assert name in FROM_CLIENT_SHAPES or required == vars(shape)["__required_keys__"]


@pytest.mark.parametrize(
    ("name", "field"), [(name, field) for name in SHAPES for field in get_type_hints(SHAPES[name])]
)
def test_a_field_may_be_null_where_its_table_says_so(name: str, field: str) -> None:
    may_be_null = type(None) in _alternatives(get_type_hints(SHAPES[name])[field])
    assert ('"null"' in json.dumps(SCHEMAS[name]["properties"][field])) == may_be_null


def test_the_reasons_are_those_of_the_tables() -> None:
    for name in ("GapData", "ReconnectData"):
        assert SCHEMAS[name]["properties"]["reason"]["enum"] == list(get_args(get_type_hints(SHAPES[name])["reason"]))


def test_what_a_client_may_send_is_received_and_all_but_a_pong_is_answered() -> None:
    received = {name: told for name, told in ASYNCAPI["operations"].items() if told["action"] == "receive"}
    assert received.keys() == FROM_CLIENT.keys() | {"publish"}
    answered = {name: _named(told["reply"]["messages"]) for name, told in received.items() if "reply" in told}
    assert answered == {
        "subscribe": {"subscribed", "error"},
        "unsubscribe": {"unsubscribed", "error"},
        "auth": {"hello", "error"},
        "publish": {"published", "error"},
    }
    assert all(_named(told["messages"]) == {name} for name, told in received.items())


def test_what_the_gateway_sends_unasked_or_as_an_answer_is_all_that_it_has_to_say() -> None:
    operations = ASYNCAPI["operations"].values()
    sent = set().union(*(_named(told["messages"]) for told in operations if told["action"] == "send"))
    answers = set().union(*(_named(told["reply"]["messages"]) for told in operations if "reply" in told))
    assert sent | answers == FROM_GATEWAY.keys() | {"message", "closed"}


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    """Its own ones, and those of what it is made of."""
    own: dict[str, Any] = dict(schema.get("properties", {}))
    for part in schema.get("allOf", ()):
        own |= part.get("properties", {})
    return own


def _alternatives(hint: Any) -> set[Any]:
    return {hint, *get_args(hint)}


def _named(references: list[dict[str, str]]) -> set[str]:
    return {reference["$ref"].rpartition("/")[2] for reference in references}
