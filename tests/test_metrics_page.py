"""docs/metrics.md: its table is the catalogue's, and its prose names nothing that does not exist."""

import re
import tomllib
from dataclasses import fields

import pytest

from actors.metrics import CATALOGUE, Metric
from server.config import StatsdConfig
from tools.from_catalogue import COMMAND, ROOT
from tools.metrics_page import BEGIN, END, table, with_table

PAGE = (ROOT / "docs" / "metrics.md").read_text()
PROSE = PAGE.partition(BEGIN)[0] + PAGE.partition(END)[2]
BY_NAME = {metric.name: metric for metric in CATALOGUE}


def test_the_table_is_that_of_the_catalogue() -> None:
    assert with_table(PAGE) == PAGE, f"docs/metrics.md is not what the catalogue says; run: {COMMAND}"


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda metric: metric.name)
def test_a_row_has_both_names_and_everything_that_the_catalogue_knows(metric: Metric) -> None:
    (row,) = [row for row in table().splitlines() if row.startswith(f"| `{metric.name}` |")]
    assert f"| `{metric.statsd_name}" in row
    assert f"| {metric.kind} | {metric.unit} |" in row
    assert metric.help in row
    assert metric.label is None or f"`{metric.label}`: {', '.join(metric.values)}" in row


def test_what_stands_around_the_table_is_left_alone() -> None:
    page = f"before\n{BEGIN}\nan old table\n{END}\nbehind\n"
    assert with_table(page) == f"before\n{BEGIN}\n\n{table()}\n{END}\nbehind\n"


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}{BEGIN}"])
def test_a_page_without_its_marks_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match=r"docs/metrics\.md must hold"):
        with_table(page)


def test_every_metric_that_the_prose_names_is_in_the_catalogue_with_that_label() -> None:
    mentioned = re.findall(r"\b((?:ws|actor|bus|loop|statsd)_[a-z_]+)(?:\{(\w+)=\"(\w+)\"\})?", PROSE)
    assert len(mentioned) > 20
    for name, label, value in mentioned:
        metric = BY_NAME[name.removesuffix("_bucket")]
        assert not label or (label == metric.label and value in metric.values), (name, label, value)


def test_every_statsd_name_that_the_prose_gives_is_in_the_catalogue() -> None:
    names = {metric.statsd_name for metric in CATALOGUE}
    mentioned = re.findall(r"\bfanwire\.((?:ws|actor|bus|loop|statsd)\.[a-z_]+)", PROSE)
    assert len(mentioned) > 5
    assert set(mentioned) <= names


def test_the_configuration_that_it_shows_has_the_settings_that_there_are() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    shown = tomllib.loads(example)["statsd"]
    assert set(shown) == {field.name for field in fields(StatsdConfig)}
    defaults = StatsdConfig()
    assert {key: value for key, value in shown.items() if key != "host"} == {
        key: getattr(defaults, key) for key in shown if key != "host"
    }
