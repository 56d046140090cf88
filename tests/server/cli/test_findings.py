"""What ``fanwire doctor`` makes of versions and limits."""

import pytest

from server.cli.findings import (
    FLOORS,
    dependency_finding,
    extra_finding,
    fd_finding,
    python_finding,
    version_numbers,
)


@pytest.mark.parametrize("name", FLOORS)
def test_a_dependency_at_its_floor_is_ok(name: str) -> None:
    assert dependency_finding(name, FLOORS[name]).verdict == "ok"


@pytest.mark.parametrize(
    ("name", "old"), [("tornado", "6.6"), ("tornado", "6.5.9"), ("ujson", "5.9.1"), ("PyJWT", "2.9")]
)
def test_a_dependency_below_its_floor_fails_and_says_how_to_get_a_newer_one(name: str, old: str) -> None:
    finding = dependency_finding(name, old)
    assert (finding.verdict, finding.advice) == ("fail", f"pip install '{name}>={FLOORS[name]}'")


def test_a_missing_dependency_fails() -> None:
    assert str(dependency_finding("ujson", None)) == "fail ujson: missing -> pip install 'ujson>=5.12'"


def test_a_missing_extra_is_a_warning_that_names_it() -> None:
    finding = extra_finding("redis", "redis", None)
    assert finding.verdict == "warn"
    assert "fanwire[redis]" in finding.advice


def test_an_old_python_fails() -> None:
    assert (python_finding((3, 10, 9)).verdict, python_finding((3, 11, 0)).verdict) == ("fail", "ok")


@pytest.mark.parametrize(
    ("soft_limit", "connections", "verdict"),
    [(15_100, 15_000, "ok"), (15_099, 15_000, "warn"), (-1, 15_000, "ok"), (64, 15_000, "fail")],
)
def test_open_files_are_held_against_the_connections(soft_limit: int, connections: int, verdict: str) -> None:
    finding = fd_finding(soft_limit, connections)
    assert finding.verdict == verdict
    assert bool(finding.advice) == (verdict != "ok")


def test_a_version_is_compared_by_its_numbers() -> None:
    assert version_numbers("6.6.1.post2") == (6, 6, 1)
    assert version_numbers("10.0") > version_numbers("9.9")
