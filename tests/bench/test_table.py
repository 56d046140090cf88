"""bench.table: columns are as wide as what is in them."""

from bench.table import render_table


def test_every_column_is_as_wide_as_its_widest_cell() -> None:
    assert render_table(("a", "long"), [("1,000", "2")]).splitlines() == [
        "|     a | long |",
        "|------:|-----:|",
        "| 1,000 |    2 |",
    ]
