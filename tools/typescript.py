"""TypeScript for Python's types: what one annotation, one TypedDict or one enumeration looks like over there. Pure."""

import json
import types
from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from typing import Any, Literal, NewType, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

__all__ = ["enumeration", "interface", "type_of", "union"]

_SCALARS: Mapping[object, str] = {
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
    object: "unknown",
}


def type_of(annotation: Any) -> str:
    """Raises: TypeError for a type that has no counterpart here yet."""
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if isinstance(annotation, NewType):
        return type_of(annotation.__supertype__)
    if is_typeddict(annotation) or (isinstance(annotation, type) and issubclass(annotation, StrEnum | IntEnum)):
        return str(annotation.__name__)
    return _composed(get_origin(annotation), get_args(annotation), annotation)


def _composed(origin: object, arguments: tuple[Any, ...], annotation: object) -> str:
    if origin is Literal:
        return " | ".join(json.dumps(value) for value in arguments)
    if origin in (Union, types.UnionType):
        return " | ".join(dict.fromkeys(map(type_of, arguments)))
    if origin is dict:
        return f"Record<string, {type_of(arguments[1])}>"
    if origin is list:
        return f"{type_of(arguments[0])}[]"
    raise TypeError(f"no TypeScript for {annotation!r}: teach tools/typescript.py")


def interface(name: str, shape: type) -> str:
    """A TypedDict as an interface; what may be left out is marked so."""
    return _block(f"export interface {name}", (_member(*item) for item in _hints(shape)))


def _hints(shape: type) -> Iterable[tuple[str, Any]]:
    return get_type_hints(shape, include_extras=True).items()


def _member(name: str, annotation: Any) -> str:
    if get_origin(annotation) is NotRequired:
        return f"readonly {name}?: {type_of(get_args(annotation)[0])};"
    return f"readonly {name}: {type_of(annotation)};"


def enumeration(name: str, members: Mapping[str, object]) -> str:
    """An enum: bundlers put its values where they are used, and leave it out itself."""
    return _block(f"export enum {name}", (f"{key} = {json.dumps(value)}," for key, value in members.items()))


def union(name: str, members: Iterable[str]) -> str:
    lines = "".join(f"\n  | {member}" for member in members)
    return f"export type {name} ={lines};\n"


def _block(head: str, lines: Iterable[str]) -> str:
    return "\n".join([f"{head} {{", *(f"  {line}" for line in lines), "}\n"])
