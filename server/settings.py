"""The catalogue of settings, read off the dataclasses of `server.config`, and what a value must look like.

Pure: a value in, the rule that it breaks out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

from server.config import Bounds, Config, TopicConfig

__all__ = ["SECTIONS", "SETTINGS", "TOPIC_SETTINGS", "Setting", "broken_by", "parsed", "stored"]

_TEXT = "a non-empty text without control characters"
_TYPE_NAMES = {
    bool: "a boolean",
    int: "an integer",
    float: "a float",
    str: "text",
    list: "an array",
    dict: "a table",
}
_LARGEST_SHOWN = 10**15

Kind: TypeAlias = Literal["int", "float", "bool", "text", "list", "choice"]
_KINDS: Mapping[object, Kind] = {
    int: "int",
    float: "float",
    bool: "bool",
    str: "text",
    tuple: "list",
    Literal: "choice",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One entry of the catalogue: what a value must look like, and what it is when nobody gives one."""

    kind: Kind
    choices: tuple[str, ...]
    bounds: Bounds | None
    default: object


def _setting(hint: object, default: object) -> Setting:
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (part for part in get_args(hint) if part is not NoneType)
    bounds = None
    if get_origin(hint) is Annotated:
        hint, bounds = get_args(hint)
    choices = get_args(hint) if get_origin(hint) is Literal else ()
    return Setting(_KINDS[get_origin(hint) or hint], choices, bounds, default)


def _settings_of(section: type) -> dict[str, Setting]:
    hints = get_type_hints(section, include_extras=True)
    return {entry.name: _setting(hints[entry.name], entry.default) for entry in fields(section)}


TOPIC_SETTINGS: Mapping[str, Setting] = _settings_of(TopicConfig)
SECTIONS: Mapping[str, type] = {name: section for name, section in get_type_hints(Config).items() if name != "topics"}
SETTINGS: Mapping[str, Setting] = {
    f"{name}.{entry}": setting for name, section in SECTIONS.items() for entry, setting in _settings_of(section).items()
}


def parsed(text: str, setting: Setting) -> object:
    """The value that ``text`` spells; ``text`` itself where it spells none, for the type check to refuse."""
    try:
        match setting.kind:
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "bool":
                return {"true": True, "false": False}.get(text.lower(), text)
            case "list":
                return [part.strip() for part in text.split(",")] if text.strip() else []
            case "text" | "choice":
                return text
    except ValueError:
        return text


def broken_by(value: object, setting: Setting) -> str | None:
    """The rule of type, choices or bounds that ``value`` breaks, or None."""
    match setting.kind:
        case "choice":
            return None if value in setting.choices else f"must be one of {', '.join(setting.choices)}"
        case "text":
            return None if _is_text(value) else f"must be {_TEXT}, not {_type_name(value)}"
        case "list":
            good = isinstance(value, list | tuple) and all(map(_is_text, value))
            return None if good else f"must be a list, each entry {_TEXT}"
        case "bool":
            return None if isinstance(value, bool) else f"must be true or false, not {_type_name(value)}"
        case "int" | "float":
            return _broken_by_number(value, setting)


def _broken_by_number(value: object, setting: Setting) -> str | None:
    wanted, name = (int, "an integer") if setting.kind == "int" else (int | float, "a number")
    if isinstance(value, bool) or not isinstance(value, wanted):
        return f"must be {name}, not {_type_name(value)}"
    assert setting.bounds is not None
    low, high = setting.bounds
    if low <= value <= high:
        return None
    # Python refuses to print integers of thousands of digits.
    shown = f", not {value}" if abs(value) < _LARGEST_SHOWN else ""
    return f"must be between {low} and {high}{shown}"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _type_name(value: object) -> str:
    return _TYPE_NAMES.get(type(value), "a date or time")


def stored(value: Any, setting: Setting) -> object:
    """A value that breaks no rule, as the dataclasses keep it."""
    match setting.kind:
        case "float":
            return float(value)
        case "list":
            return tuple(value)
        case _:
            return value
