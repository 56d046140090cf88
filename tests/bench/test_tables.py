"""bench.tables: columns are as wide as what is in them, words to the left and numbers to the right."""

from bench.tables import markdown_table


def test_every_column_is_as_wide_as_its_widest_cell() -> None:
    assert markdown_table(("a", "long"), [("1,000", "2")], words=0).splitlines() == [
        "|     a | long |",
        "|------:|-----:|",
        "| 1,000 |    2 |",
    ]


def test_words_are_aligned_to_the_left() -> None:
    assert markdown_table(("server", "ms"), [("ws", "2")]).splitlines() == [
        "| server | ms |",
        "|--------|---:|",
        "| ws     |  2 |",
    ]
