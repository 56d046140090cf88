"""bench.attempts: a cell that fails is said and left out, and the next one is measured all the same."""

import pytest

from bench.attempts import Attempts
from bench.generator import GeneratorFailed
from bench.progress import Progress


def _failing() -> int:
    raise GeneratorFailed("it fell silent")


def _mistaken() -> int:
    raise KeyError("a mistake in the bench itself")


def test_what_fails_is_skipped_with_its_reason_and_the_rest_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    attempts: Attempts[int] = Attempts(lambda cell: f"measured {cell}", Progress())
    attempts.measure("the first", _failing)
    attempts.measure("the second", lambda: 2)
    assert attempts.cells == [2]
    assert attempts.skipped == ["the first: it fell silent"]
    assert capsys.readouterr().err.splitlines() == ["SKIPPED the first: it fell silent", "measured 2"]


def test_a_mistake_in_the_bench_is_not_taken_for_a_server_that_failed() -> None:
    with pytest.raises(KeyError):
        Attempts(str, Progress()).measure("a cell", _mistaken)
