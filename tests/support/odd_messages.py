"""Messages as Hypothesis makes them for whoever has to judge them: sound ones, and such that differ in one field.

One field, because a message with two wrong ones is refused for the other reason where a rule of the first is lost.
"""

from typing import Any

from hypothesis import strategies as st

from actors.protocol.envelope import KEY_MAX_CHARACTERS, SYSTEM, TOPIC_RULE, TYPE_RULE
from actors.protocol.faithful import MAX_INTEGER
from actors.protocol.messages import EARLIEST

__all__ = ["BODIES", "CONTROLS", "FRAMES", "POSITIONS"]

Json = Any
Fields = dict[str, st.SearchStrategy[Json]]

SCALARS = st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | st.just(1.5) | st.text(max_size=5)
NAMES = st.text(max_size=3)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=4
)
# None is a fraction: a whole number written as a float is what a schema cannot tell from an integer.
ODD = st.none() | st.booleans() | st.integers(-9, 9) | NAMES | st.sampled_from([[], {}, [1], {"a": 1}])

GOOD_IDS = st.uuids(version=4).map(str)
IDS = (
    GOOD_IDS.map(str.upper)
    | GOOD_IDS.map(lambda text: f"{text}\n")
    | GOOD_IDS.map(lambda text: text.replace("-", ""))
    | st.uuids(version=1).map(str)
    | st.sampled_from(["00000000-0000-0000-0000-000000000000", "0b6f1d6e-8a51-4f3c-7d55-1f2e3a4b5c6d", ""])
    | ODD
)
TOPICS = (
    st.from_regex(TOPIC_RULE, fullmatch=True)
    | st.sampled_from([SYSTEM, "", "a b", "a\n", "grüße", "t" * 255, "t" * 256, "system:x"])
    | st.text(max_size=8)
    | ODD
)
TYPES = st.from_regex(TYPE_RULE, fullmatch=True) | st.sampled_from(["", "A", "a\n", "t" * 64, "t" * 65]) | ODD
VERSIONS = st.sampled_from([True, "1", 2, 0, None]) | ODD
GOOD_KEYS = st.text(max_size=KEY_MAX_CHARACTERS) | st.sampled_from(["k" * 128, "😀" * 128]) | st.none()
KEYS = st.sampled_from(["k" * 129, "😀" * 129, True]) | ODD
POSITIONS: tuple[Json, ...] = (
    *(
        0,
        5,
        MAX_INTEGER,
        EARLIEST,
        None,
        "0b6f1d6e-8a51-4f3c-9d55-1f2e3a4b5c6d",
        "0B6F1D6E-8A51-4F3C-9D55-1F2E3A4B5C6D",
    ),
    *(-1, -MAX_INTEGER, 1.5, "latest", "0", "", True, False, [], {}, "0b6f1d6e-8a51-1f3c-9d55-1f2e3a4b5c6d"),
)
"""Where a client may ask to be resumed from, and where not."""


def _differing(sound: Fields, wrong: Fields, optional: Fields | None = None) -> st.SearchStrategy[dict[str, Json]]:
    """Sound ones; such with one field of ``wrong`` in its place; such without one of their fields."""
    whole = st.fixed_dictionaries(sound, optional=optional or {})
    changed = [st.tuples(whole, st.fixed_dictionaries({name: values})).map(_joined) for name, values in wrong.items()]
    without = [whole.map(lambda made, name=name: {key: made[key] for key in made if key != name}) for name in sound]
    return st.one_of(whole, *changed, *without)


def _joined(both: tuple[dict[str, Json], dict[str, Json]]) -> dict[str, Json]:
    return both[0] | both[1]


_BODY: Fields = {"topic": st.just("thread:42"), "type": st.just("note")}
_FRAME: Fields = {**_BODY, "v": st.just(1), "id": GOOD_IDS}
_WRONG: Fields = {"v": VERSIONS, "id": IDS, "topic": TOPICS, "type": TYPES, "key": KEYS}
_MORE: Fields = {"key": GOOD_KEYS, "data": JSON, "ts": ODD, "seq": ODD, "prev": ODD, "re": ODD, "mine": JSON}

BODIES = _differing(_BODY, _WRONG, _MORE) | JSON
"""What somebody posts to be published."""

FRAMES = _differing(_FRAME, _WRONG, _MORE)
"""What a client sends to be published."""

_SINCE = st.sampled_from(POSITIONS).map(lambda since: {"thread:42": {"since": since}})
_DATA = _differing(
    {
        "topics": _SINCE | st.lists(NAMES, max_size=3) | st.just({"a": {}}),
        "token": st.just("a.b.c"),
        "seen": st.just({"a": "x"}),
    },
    {
        "topics": st.lists(ODD, max_size=2) | st.dictionaries(NAMES, ODD, max_size=2) | ODD,
        "token": st.just("") | ODD,
        "seen": st.dictionaries(NAMES, ODD, max_size=2) | ODD,
    },
)
_TYPES = st.sampled_from(["subscribe", "unsubscribe", "pong", "auth"])

CONTROLS = _differing(
    {"v": st.just(1), "id": GOOD_IDS, "topic": st.just(str(SYSTEM)), "type": _TYPES, "data": _DATA},
    {"v": VERSIONS, "id": IDS, "type": st.sampled_from(["hello", "", "Pong", 7, None]), "data": ODD},
)
"""What a client asks of the gateway itself."""
