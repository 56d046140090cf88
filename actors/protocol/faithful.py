"""What would not reach a browser as it was sent: NaN, integers beyond 2^53, lone surrogates, bottomless nesting. Pure.

A parser may let these through, and the next reader of the JSON would see another value, or none.
"""

from collections.abc import Iterable
from math import isfinite
from typing import Any

from actors.protocol.codes import ErrorCode
from actors.protocol.envelope import ProtocolError

__all__ = ["MAX_DEPTH", "MAX_INTEGER", "refuse_unfaithful"]

MAX_DEPTH = 32
MAX_INTEGER = 2**53  # what a browser's number still holds exactly

_PATH_MAX_CHARACTERS = 120

Container = dict[str, Any] | list[Any]
Step = str | int


def refuse_unfaithful(value: object) -> None:
    """Raises: ProtocolError ``bad_json`` naming the path of the offender, such as ``data.items[3]``.

    Walks level by level and without recursion, so that a hostile text costs its length and no more.
    """
    whole = [value]
    level: list[Container] = [whole]
    try:
        for _ in range(MAX_DEPTH + 1):
            level = _containers_in(level)
            if not level:
                return
        raise _Offence(level[0], None, f"is nested deeper than {MAX_DEPTH}")
    except _Offence as offence:
        raise ProtocolError(ErrorCode.BAD_JSON, _path_of(offence, whole) or "body", offence.rule) from None


class _Offence(Exception):
    """What stands at ``step`` in ``container`` breaks ``rule``; without a step, the container itself does."""

    def __init__(self, container: Container, step: Step | None, rule: str) -> None:
        super().__init__(container, step, rule)
        self.container = container
        self.step = step
        self.rule = rule


def _containers_in(level: list[Container]) -> list[Container]:
    """Check what stands in the objects and arrays of one level; left to walk are those below. Raises: _Offence."""
    below: list[Container] = []
    for container in level:
        if type(container) is dict:
            for key in container:
                if not (type(key) is str and (key.isascii() or _has_utf8(key))):
                    raise _Offence(container, None, "has a key that is not a string of Unicode characters")
        for step, child in _steps(container):
            kind = type(child)
            if kind is dict or kind is list:
                below.append(child)
            elif not (kind is str and child.isascii()) and (rule := _rule_broken_by(child)) is not None:
                raise _Offence(container, step, rule)
    return below


def _steps(container: Container) -> Iterable[tuple[Step, Any]]:
    return container.items() if type(container) is dict else enumerate(container)


def _rule_broken_by(scalar: Any) -> str | None:
    kind = type(scalar)
    if kind is str:
        return None if _has_utf8(scalar) else "has a lone surrogate, which UTF-8 cannot carry"
    if kind is int:
        return None if -MAX_INTEGER <= scalar <= MAX_INTEGER else "is an integer beyond 2^53; send it as a string"
    if kind is float:
        return None if isfinite(scalar) else "is NaN or Infinity, which JSON does not have"
    if scalar is None or kind is bool:
        return None
    return f"is a {kind.__name__}, which JSON does not have"


def _has_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _path_of(offence: _Offence, whole: list[object]) -> str:
    """Looked for only now: nearly all that is checked is in order, and no path is wanted of it."""
    found_in: dict[int, tuple[Container, Step]] = {}
    level: list[Container] = [whole]
    while id(offence.container) not in found_in and offence.container is not whole:
        below = [(child, container, step) for container in level for step, child in _steps(container)]
        level = [child for child, _, _ in below if type(child) in (dict, list)]
        for child, container, step in below:
            found_in.setdefault(id(child), (container, step))
    steps = [] if offence.step is None else [offence.step]
    container = offence.container
    while container is not whole:
        container, step = found_in[id(container)]
        steps.append(step)
    return _shown(steps[-2::-1])  # the outermost is the place in ``whole``


def _shown(steps: list[Step]) -> str:
    # A path is built from the sender's own keys: escaped, so that no log line and no reply can break.
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{step[:_PATH_MAX_CHARACTERS]}" for step in steps)
    return path.removeprefix(".").encode("ascii", "backslashreplace").decode()[:_PATH_MAX_CHARACTERS]
