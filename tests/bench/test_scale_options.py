"""bench.scale_options: what is measured unless told otherwise, and what is refused before anything starts."""

import pytest

from bench.scale_options import make_parser


def test_all_buses_are_compared_unless_told_otherwise() -> None:
    options = make_parser("").parse_args([])
    assert (options.buses[:2], options.rounds, options.record) == (["memory", "redis"], 3, None)


def test_a_bus_named_twice_is_measured_once() -> None:
    assert make_parser("").parse_args(["--buses", "redis,redis,memory"]).buses == ["redis", "memory"]


@pytest.mark.parametrize("arguments", ["--buses memory,pigeon", "--rounds 0", "--clients 60001", "--seconds x"])
def test_what_cannot_be_measured_is_refused(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser("").parse_args(arguments.split())
    assert arguments.split()[0] in capsys.readouterr().err
