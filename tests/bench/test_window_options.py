"""bench.window_options: numbers are read in order, each once, and what cannot be measured is refused."""

import pytest

from bench.window_options import numbers_up_to, window_parser


def test_numbers_come_once_and_in_order() -> None:
    assert numbers_up_to(100)("50,10,50,25") == [10, 25, 50]


@pytest.mark.parametrize("arguments", ["--rounds 0", "--seconds 0", "--seconds -1", "--rounds x"])
def test_what_cannot_be_measured_is_refused(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        window_parser("a_program", "", seconds=3, rounds=1).parse_args(arguments.split())
    assert arguments.split()[0] in capsys.readouterr().err


def test_a_program_has_its_own_defaults() -> None:
    options = window_parser("a_program", "", seconds=3, rounds=2).parse_args([])
    assert (options.seconds, options.rounds, options.json, options.record) == (3, 2, None, None)
