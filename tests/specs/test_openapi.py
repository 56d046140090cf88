"""docs/openapi.yaml is OpenAPI by its own validator, and has the gateway's routes, codes and limits, no others."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from gateways import running_gateway
from openapi_spec_validator import OpenAPIV31SpecValidator
from specs import OPENAPI, OPENAPI_FILE, ecma
from tornado.web import RequestHandler

from actors.protocol.codes import ErrorCode
from actors.runtime.overflow import OverflowPolicy
from server.allowed_methods import allowed_methods
from server.handlers.handshake import Handshakes
from server.handlers.publish import MAX_BATCH
from server.handlers.replay import DEFAULT_LIMIT, MAX_LIMIT
from server.siblings import WorkerState

SERVER = Path(__file__).parents[2] / "server"
METHODS = {"get", "head", "post", "put", "patch", "delete", "options"}
SCHEMAS = OPENAPI["components"]["schemas"]
# Said by every route alike, and by what stands before the routes: the spec's introduction has them.
OF_ANY_ROUTE = {"method_not_allowed", "internal"}
# Answered with more than a code and a message, or in Tornado's own place for errors.
WRITTEN_OTHERWISE = {"history_lost", "bad_request", "method_not_allowed"}
# Of an ``error`` frame alone.
NEVER_OVER_HTTP = {"unknown_type", "internal"}


def test_the_validator_of_openapi_finds_nothing_wrong() -> None:
    flaws = OpenAPIV31SpecValidator(OPENAPI, base_uri=OPENAPI_FILE.as_uri()).iter_errors()
    assert [str(flaw) for flaw in flaws] == []


def test_the_validator_of_openapi_does_find_what_is_wrong() -> None:
    broken = {**OPENAPI, "paths": {**OPENAPI["paths"], "/x": {"get": {"responses": {"200": {}}}}}}
    assert list(OpenAPIV31SpecValidator(broken, base_uri=OPENAPI_FILE.as_uri()).iter_errors())


@pytest.mark.parametrize("is_dev", [False, True], ids=["production", "development"])
@pytest.mark.gen_test
async def test_the_spec_has_every_route_and_method_of_the_gateway_and_no_other(is_dev: bool) -> None:
    async with running_gateway({"server.dev": is_dev}) as running:
        # Its first rule is for every host, and has the routes.
        routes = running.gateway._application().default_router.rules[0].target.rules
    served: dict[str, set[str]] = {}
    for route in routes:
        served.setdefault(route.matcher.regex.pattern, set()).update(_methods_of(route.target))
    told = {path: _told_methods(item, is_dev=is_dev) for path, item in OPENAPI["paths"].items()}
    matched = {
        path: [regex for regex in served if re.match(regex, _example_of(path))] for path, told in told.items() if told
    }
    assert {path: len(regexes) for path, regexes in matched.items()} == dict.fromkeys(matched, 1)
    assert {regexes[0]: told[path] for path, regexes in matched.items()} == served


def _methods_of(target: object) -> set[str]:
    if isinstance(target, Handshakes):
        return {"GET"}
    assert isinstance(target, type) and issubclass(target, RequestHandler), target
    return set(allowed_methods(target))


def _told_methods(item: Mapping[str, Any], *, is_dev: bool) -> set[str]:
    operations = {name: told for name, told in item.items() if name in METHODS}
    return {name.upper() for name, told in operations.items() if is_dev or not told.get("x-development-only")}


def _example_of(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


def test_operation_ids_are_unique() -> None:
    ids = [told["operationId"] for item in OPENAPI["paths"].values() for name, told in item.items() if name in METHODS]
    assert len(ids) == len(set(ids))


def test_codes_are_those_that_the_routes_answer_with() -> None:
    written = {code for _, code in _refusals_in_the_source()}
    assert set(SCHEMAS["Code"]["enum"]) == {*ErrorCode, *written} | WRITTEN_OTHERWISE


def test_every_refusal_in_the_source_is_an_answer_of_the_spec() -> None:
    refusals = set(_refusals_in_the_source())
    assert len(refusals) >= 12, "the source is not read as it was meant"
    assert refusals <= set(_refusals_of_the_spec())


def test_every_code_of_the_spec_is_one_of_some_answer() -> None:
    answered = {code for _, code in _refusals_of_the_spec()}
    assert answered | OF_ANY_ROUTE | NEVER_OVER_HTTP == set(SCHEMAS["Code"]["enum"])


def test_limits_are_those_of_the_gateway() -> None:
    body = OPENAPI["paths"]["/api/publish"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body["oneOf"][1]["maxItems"] == MAX_BATCH
    limit = next(p for p in OPENAPI["paths"]["/api/ws/replay"]["get"]["parameters"] if p["name"] == "limit")["schema"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, MAX_LIMIT, DEFAULT_LIMIT)


def test_states_and_policies_are_those_of_the_gateway() -> None:
    assert set(SCHEMAS["TopicRow"]["properties"]["policy"]["enum"]) == {policy.value for policy in OverflowPolicy}
    workers = SCHEMAS["Readiness"]["properties"]["workers"]["oneOf"][0]
    assert set(workers["additionalProperties"]["enum"]) == {state.value for state in WorkerState}


def test_the_path_of_a_file_is_what_the_route_takes() -> None:
    (parameter,) = OPENAPI["paths"]["/static/{path}"]["parameters"]
    pattern = re.compile(ecma(parameter["schema"]["pattern"]))
    good, bad = ["a", "a/b.js", "demo.html", "_x/-y"], ["", ".a", "a/", "/a", "a/../b", "a//b", "a b", "a\n"]
    assert [bool(pattern.match(path)) for path in good + bad] == [True] * len(good) + [False] * len(bad)


def _refusals_in_the_source() -> Iterator[tuple[int, str]]:
    """Status and code of each refusal that is written out: ``refuse(403, …)`` and ``Refused(403, …)``."""
    sources = (file.read_text() for file in SERVER.rglob("*.py"))
    for source in (text for text in sources if "refuse(" in text or "Refused(" in text):
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and _name_of(node.func) in {"refuse", "Refused"} and len(node.args) >= 2:
                status, code = (_constant(argument) for argument in node.args[:2])
                if isinstance(status, int) and isinstance(code, str):
                    yield status, code


def _name_of(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _constant(argument: ast.expr) -> object:
    if isinstance(argument, ast.Attribute) and _name_of(argument.value) == "ErrorCode":
        return str(ErrorCode[argument.attr])
    return argument.value if isinstance(argument, ast.Constant) else None


def _refusals_of_the_spec() -> Iterator[tuple[int, str]]:
    for item in OPENAPI["paths"].values():
        for name, told in item.items():
            if name in METHODS:
                for status, answer in told["responses"].items():
                    yield from ((int(status), code) for code in _codes_of(answer))


def _codes_of(answer: Mapping[str, Any]) -> Iterator[str]:
    whole = OPENAPI["components"]["responses"][answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
    schema = whole.get("content", {}).get("application/json", {}).get("schema", {})
    for part in [*schema.get("allOf", ()), SCHEMAS.get(schema.get("$ref", "").rpartition("/")[2], {})]:
        code = part.get("properties", {}).get("code", {})
        yield from code.get("enum", [code["const"]] if "const" in code else [])
