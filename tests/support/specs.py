"""The machine-readable specs of docs/, read once, and validators of any schema in them.

``docs/envelope.schema.json`` is what the other two refer to by a relative name, so all three are in one registry.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

__all__ = [
    "ASYNCAPI",
    "ASYNCAPI_FILE",
    "DOCS",
    "ENVELOPE",
    "FROM_CLIENT_FRAMES",
    "OPENAPI",
    "OPENAPI_FILE",
    "asyncapi_schema",
    "ecma",
    "envelope_schema",
    "openapi_parameter",
    "openapi_schema",
]

DOCS = Path(__file__).parents[2] / "docs"
ENVELOPE_FILE = DOCS / "envelope.schema.json"
ASYNCAPI_FILE = DOCS / "asyncapi.yaml"
OPENAPI_FILE = DOCS / "openapi.yaml"

ENVELOPE: Mapping[str, Any] = json.loads(ENVELOPE_FILE.read_text())
ASYNCAPI: Mapping[str, Any] = yaml.safe_load(ASYNCAPI_FILE.read_text())
OPENAPI: Mapping[str, Any] = yaml.safe_load(OPENAPI_FILE.read_text())

FROM_CLIENT_FRAMES = ("Subscribe", "Unsubscribe", "Pong", "Auth", "Publish")

_REGISTRY: Registry[Any] = Registry().with_resources(
    (path.as_uri(), Resource(contents, specification=DRAFT202012))
    for path, contents in ((ENVELOPE_FILE, ENVELOPE), (ASYNCAPI_FILE, ASYNCAPI), (OPENAPI_FILE, OPENAPI))
)


def ecma(pattern: str) -> str:
    """``pattern`` for Python. In ECMA-262, which JSON Schema means, a dollar does not look past a line feed."""
    return re.sub(r"(?<!\\)\$$", r"\\Z", pattern)


def _pattern(validator: Any, pattern: str, instance: object, schema: object) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not re.search(ecma(pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


_Validator = extend(Draft202012Validator, {"pattern": _pattern})


@cache
def envelope_schema(name: str) -> Any:
    """The validator of ``$defs/<name>``; ``is_valid`` and ``validate`` are what one asks it."""
    return _validator(f"{ENVELOPE_FILE.as_uri()}#/$defs/{name}")


@cache
def asyncapi_schema(*names: str) -> Any:
    """The validator of ``components/schemas/<name>``, or of any one of several."""
    refs = [{"$ref": f"{ASYNCAPI_FILE.as_uri()}#/components/schemas/{name}"} for name in names]
    return _Validator({"anyOf": refs} if len(refs) > 1 else refs[0], registry=_REGISTRY)


@cache
def openapi_schema(path: str, method: str, status: int, content_type: str = "application/json") -> Any:
    """The validator of an answer's body. Raises: a resolution error on validation where the spec has none such."""
    steps = ("paths", path, method, "responses", str(status))
    answer: Any = OPENAPI
    for step in steps:
        answer = answer[step]
    where = answer["$ref"] if "$ref" in answer else "#/" + "/".join(map(_escaped, steps))
    return _validator(f"{OPENAPI_FILE.as_uri()}{where}/content/{_escaped(content_type)}/schema")


def openapi_parameter(path: str, method: str, name: str) -> Any:
    """The validator of a parameter's value, numbers as numbers. Raises: StopIteration where the spec has none such."""
    told = OPENAPI["paths"][path][method]["parameters"]
    number = next(index for index, parameter in enumerate(told) if parameter["name"] == name)
    steps = "/".join(map(_escaped, ("paths", path, method, "parameters", str(number), "schema")))
    return _validator(f"{OPENAPI_FILE.as_uri()}#/{steps}")


def _validator(reference: str) -> Any:
    return _Validator({"$ref": reference}, registry=_REGISTRY)


def _escaped(step: str) -> str:
    """A step of a JSON pointer (RFC 6901) as it stands in a URI's fragment."""
    return step.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
