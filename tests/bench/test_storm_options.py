"""bench.storm_options: which sizes are measured, and what is refused before anything starts."""

import pytest

from bench.storm_options import make_parser, sizes_of


@pytest.mark.parametrize(
    ("clients", "sizes"), [(10_000, [2_500, 5_000, 10_000]), (200, [50, 100, 200]), (2, [1, 2]), (1, [1])]
)
def test_a_quarter_a_half_and_all_are_measured_each_once(clients: int, sizes: list[int]) -> None:
    assert sizes_of(clients) == sizes


def test_ten_thousand_clients_come_back_unless_told_otherwise() -> None:
    options = make_parser("").parse_args([])
    assert (options.clients, options.topics, options.missed, options.in_flight) == (10_000, 1, 3, 256)


@pytest.mark.parametrize("arguments", ["--clients 0", "--topics 21", "--missed 201", "--in-flight 5000", "--rounds x"])
def test_what_cannot_be_measured_is_refused(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser("").parse_args(arguments.split())
    assert arguments.split()[0] in capsys.readouterr().err
