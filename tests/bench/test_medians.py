"""bench.medians: one row for each setting, and doubts that do not vanish."""

from bench.medians import medians_of

CELLS = [
    {"round": 1, "bus": "memory", "ms": 3.0, "limited": False, "note": "a", "late": 1.0},
    {"round": 1, "bus": "redis", "ms": 9.0, "limited": False, "note": "a", "late": 1.0},
    {"round": 2, "bus": "memory", "ms": 1.0, "limited": True, "note": "b", "late": None},
    {"round": 3, "bus": "memory", "ms": 2.0, "limited": False, "note": "c", "late": 3.0},
]


def test_a_setting_has_the_median_of_its_rounds() -> None:
    memory, redis = medians_of(CELLS, ("bus",))
    assert (memory["bus"], memory["rounds"], memory["ms"]) == ("memory", 3, 2.0)
    assert (redis["bus"], redis["rounds"], redis["ms"]) == ("redis", 1, 9.0)


def test_a_doubt_of_one_round_is_one_of_the_row() -> None:
    assert [row["limited"] for row in medians_of(CELLS, ("bus",))] == [True, False]


def test_what_has_no_median_is_none_rather_than_that_of_some_rounds() -> None:
    row = medians_of(CELLS, ("bus",))[0]
    assert (row["note"], row["late"]) == (None, None)
    assert "round" not in row
