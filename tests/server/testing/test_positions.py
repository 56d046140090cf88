"""The account of positions and gaps, after docs/protocol.md §1."""

from typing import Any

from server.testing.positions import Positions


def message(seq: int, prev: int) -> dict[str, Any]:
    return {"topic": "t:a", "type": "x", "id": f"id{seq}", "seq": seq, "prev": prev, "data": {}}


def system(type: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"topic": "system", "type": type, "data": data}


def taken(*frames: dict[str, Any]) -> Positions:
    positions = Positions()
    for frame in frames:
        positions.take(frame)
    return positions


def test_a_whole_chain_has_no_gap() -> None:
    positions = taken(message(1, 0), message(5, 1), message(6, 5))
    assert (positions.gaps, positions.seqs, positions.last_ids) == ([], {"t:a": 6}, {"t:a": "id6"})


def test_a_link_that_does_not_fit_is_a_gap() -> None:
    assert taken(message(1, 0), message(6, 5)).gaps == [
        "t:a: after 1 came 6, which follows 5: what lies between never came"
    ]


def test_what_comes_again_or_late_is_told() -> None:
    assert taken(message(5, 1), message(5, 1)).gaps == ["t:a: after 5 came 5, again or late"]


def test_a_gap_that_was_told_is_one_gap_and_not_two() -> None:
    gap = system("gap", {"topic": "t:a", "from": 1, "to": 6, "dropped": 2, "reason": "overflow"})
    (told,) = taken(message(1, 0), gap, message(6, 5), message(7, 6)).gaps
    assert told == "t:a: the gateway says that messages after 1 and before 6 are missing: overflow, dropped 2"


def test_an_answer_sets_the_position_unless_a_replay_is_on_its_way() -> None:
    answer = {"t:a": {"seq": 9, "recovered": True, "replayed": 1}, "t:b": {"seq": 4, "recovered": True, "replayed": 0}}
    positions = taken(message(8, 7), system("subscribed", {"topics": answer}))
    assert positions.seqs == {"t:a": 8, "t:b": 4}
    assert positions.since({"t:a": "earliest", "t:c": "earliest", "t:d": None}) == {
        "t:a": {"since": 8},
        "t:c": {"since": "earliest"},
        "t:d": {},
    }
