"""deploy/: every query, rule and mapping names a metric that exists, and Prometheus' own tool takes the rules."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from actors.metrics import CATALOGUE, OTHER, Kind, Metric
from server.config import MailboxConfig
from tools.from_catalogue import COMMAND, ROOT, generated, write

DEPLOY = ROOT / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yml"
DASHBOARDS = ("fanwire-prometheus", "fanwire-statsd")
BY_NAME = {metric.name: metric for metric in CATALOGUE}
BY_STATSD_NAME = {metric.statsd_name: metric for metric in CATALOGUE}
# What may stand in a PromQL expression besides metrics and function calls.
KEYWORDS = {"by", "and", "or", "unless", "offset", "sum", "min", "max"}
LABELS = {"job", "instance", "le"} | {metric.label for metric in CATALOGUE if metric.label}
UPSTREAM_AREAS = {Kind.COUNTER: "${rates}", Kind.GAUGE: "${gauges}", Kind.HISTOGRAM: "${gauges}"}


def _dashboard(name: str) -> dict[str, Any]:
    model: dict[str, Any] = json.loads((DEPLOY / "grafana" / f"{name}.json").read_text())
    return model


def _panels(name: str) -> Sequence[dict[str, Any]]:
    return [panel for panel in _dashboard(name)["panels"] if panel["type"] != "row"]


def _targets(name: str, field: str) -> Sequence[str]:
    return [target[field] for panel in _panels(name) for target in panel["targets"]]


def _alert_expressions() -> Sequence[str]:
    """The ``expr`` of each rule, plain or folded (``>-``), found by its indentation."""
    folded = re.findall(r"^ {8}expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)", ALERTS.read_text(), re.MULTILINE)
    return [block or line for block, line in folded]


def _metrics_in(expression: str) -> Iterator[Metric]:
    """Every metric that a PromQL expression asks for. Raises: AssertionError where it names anything unknown."""
    for name, chosen in re.findall(r"([a-z_]+)\{([^}]*)\}", expression):
        _check_label_values(_metric(name), chosen)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\$\w+|\"[^\"]*\"|\boffset \w+", " ", expression)
    for word, call in re.findall(r"\b([a-z_]\w*)\b(\s*\()?", bare):
        if word not in KEYWORDS | LABELS and not call:
            yield _metric(word)


def _metric(series: str) -> Metric:
    stem = re.sub(r"_(bucket|count|sum)$", "", series)
    metric = BY_NAME.get(series) or BY_NAME.get(stem)
    assert metric is not None, f"{series} is not in the catalogue"
    assert (metric.kind is Kind.HISTOGRAM) == (series != metric.name), f"{series}: {metric.name} is a {metric.kind}"
    return metric


def _check_label_values(metric: Metric, chosen: str) -> None:
    for label, values in re.findall(r'(\w+)[=!]~?"([^"]*)"', chosen):
        if label not in ("job", "instance"):
            assert label == metric.label, f"{metric.name} has no label {label}"
            assert set(values.split("|")) <= {*metric.values, OTHER}, f"{metric.name}: {label} is never {values}"


def _promtool(*arguments: str, folder: Path = ALERTS.parent) -> tuple[int, str]:
    program = shutil.which("promtool")
    assert program, "promtool is missing; install the Debian package prometheus (make test does)"
    ran = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return ran.returncode, ran.stdout + ran.stderr


@pytest.mark.parametrize("path", generated(), ids=lambda path: path.name)
def test_what_is_made_from_the_catalogue_is_up_to_date(path: Path) -> None:
    assert path.read_text() == generated()[path], f"{path.relative_to(ROOT)} is not of this catalogue; run: {COMMAND}"


def test_the_command_writes_every_file_and_a_second_time_the_same(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs" / "metrics.md", tmp_path / "docs")
    write(tmp_path)
    first = {path: path.read_bytes() for path in generated(tmp_path)}
    write(tmp_path)
    assert {path: path.read_bytes() for path in first} == first
    assert {path.relative_to(tmp_path) for path in first} == {path.relative_to(ROOT) for path in generated()}


def test_the_prometheus_dashboard_asks_for_every_metric_and_for_nothing_else() -> None:
    asked = {metric for text in _targets("fanwire-prometheus", "expr") for metric in _metrics_in(text)}
    assert {metric.name for metric in asked} == set(BY_NAME)


def test_the_values_to_choose_from_are_those_of_a_metric_that_exists() -> None:
    queries = [
        variable["query"]["query"]
        for variable in _dashboard("fanwire-prometheus")["templating"]["list"]
        if variable["type"] == "query"
    ]
    assert len(queries) == 2
    assert all(BY_NAME[re.findall(r"label_values\((\w+)", query)[0]] for query in queries)


def test_the_statsd_dashboard_asks_for_every_metric_where_the_daemon_puts_its_kind() -> None:
    asked = set()
    for target in _targets("fanwire-statsd", "target"):
        found = re.search(r"(\$\{\w+\})\.\$\{prefix\}\.([a-z]+\.[a-z_]+)(\.\*)?(\.p\d\d)?[,)]", target)
        assert found, target
        area, name, wildcard, percentile = found.groups()
        metric = BY_STATSD_NAME[name]
        assert (area, bool(wildcard), bool(percentile)) == (
            UPSTREAM_AREAS[metric.kind],
            metric.label is not None,
            metric.kind is Kind.HISTOGRAM,
        ), target
        asked.add(metric)
    assert asked == set(CATALOGUE)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_titles_descriptions_units_and_a_chosen_data_source(name: str) -> None:
    for panel in _panels(name):
        assert panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert {source["uid"] for source in sources} == {"${datasource}"}


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_variable_that_a_query_takes_can_be_chosen(name: str) -> None:
    text = (DEPLOY / "grafana" / f"{name}.json").read_text()
    taken = set(re.findall(r"\$\{?([a-z]+)", text))
    there = {variable["name"] for variable in _dashboard(name)["templating"]["list"]}
    assert taken == there


@pytest.mark.parametrize("name", DASHBOARDS)
def test_no_panel_covers_another_or_hangs_over_the_edge(name: str) -> None:
    cells: set[tuple[int, int]] = set()
    for panel in _dashboard(name)["panels"]:
        place = panel["gridPos"]
        columns = range(place["x"], place["x"] + place["w"])
        covered = {(x, y) for x in columns for y in range(place["y"], place["y"] + place["h"])}
        assert max(columns) < 24
        assert not covered & cells, panel["title"]
        cells |= covered


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_are_numbered_without_a_double_and_stand_in_titled_rows(name: str) -> None:
    panels = _dashboard(name)["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    assert panels[0]["type"] == "row"
    assert all(panel["title"] for panel in panels)


def test_every_alert_asks_for_metrics_and_label_values_that_exist() -> None:
    expressions = _alert_expressions()
    assert len(expressions) == ALERTS.read_text().count("- alert: ")
    for expression in expressions:
        assert list(_metrics_in(expression)), expression


def test_every_alert_has_a_summary_a_description_a_runbook_and_a_severity() -> None:
    rules = ALERTS.read_text().split("- alert: ")[1:]
    for rule in rules:
        for field in ("summary", "description", "runbook"):
            assert re.search(rf"^ {{10}}{field}: \S", rule, re.MULTILINE), rule
        assert re.search(r"labels: \{severity: (page|ticket)\}", rule), rule


def test_the_rule_about_topic_mailboxes_is_below_the_default_bound() -> None:
    (threshold,) = re.findall(r'actor_mailbox_depth\{actor="topic"\}\) > (\d+)', ALERTS.read_text())
    assert int(threshold) == 0.8 * MailboxConfig().topic_messages


def test_metrics_that_a_runbook_or_a_description_names_exist() -> None:
    for name in re.findall(r"\b(?:ws|actor|bus|loop)_[a-z_]+\b", ALERTS.read_text()):
        assert name in BY_NAME or _metric(name)


@pytest.mark.slow
def test_promtool_takes_the_rules() -> None:
    code, said = _promtool("check", "rules", "alerts.yml")
    assert code == 0, said
    assert f"{ALERTS.read_text().count('- alert: ')} rules found" in said


@pytest.mark.slow
def test_promtool_can_read_what_the_prometheus_dashboard_asks(tmp_path: Path) -> None:
    asked = [text.replace("$__rate_interval", "5m") for text in _targets("fanwire-prometheus", "expr")]
    rules = [{"record": f"asked:{number}", "expr": text} for number, text in enumerate(asked)]
    # JSON is YAML.
    (tmp_path / "asked.yml").write_text(json.dumps({"groups": [{"name": "asked", "rules": rules}]}))
    code, said = _promtool("check", "rules", "asked.yml", folder=tmp_path)
    assert code == 0, said


@pytest.mark.slow
def test_the_alerts_fire_when_they_should_and_not_before() -> None:
    code, said = _promtool("test", "rules", "alerts_test.yml")
    assert code == 0, said


@pytest.mark.slow
def test_the_test_of_the_alerts_notices_a_threshold_that_is_never_reached(tmp_path: Path) -> None:
    shutil.copytree(ALERTS.parent, tmp_path, dirs_exist_ok=True)
    rules = ALERTS.read_text()
    (tmp_path / "alerts.yml").write_text(rules.replace("(bus_up) == 0", "(bus_up) < 0"))
    code, said = _promtool("test", "rules", "alerts_test.yml", folder=tmp_path)
    assert code == 1
    assert "FanwireBusDown" in said


def _mappings() -> Sequence[tuple[str, str, str, str]]:
    """The match, kind, name and labels of each entry of the mapping."""
    text = (DEPLOY / "statsd_exporter" / "mapping.yml").read_text()
    entry = r'  - match: "(.*)"\n    match_metric_type: (.*)\n    name: "(.*)"\n((?:    labels:\n(?:      .*\n)+)?)'
    found = re.findall(entry, text)
    assert len(found) == text.count("- match")
    return found


def test_the_mapping_gives_every_name_that_is_sent_its_prometheus_name() -> None:
    rules = {(match, kind): (name, labels) for match, kind, name, labels in _mappings()}
    assert len(rules) == len(_mappings())
    for metric in CATALOGUE:
        stem = f"fanwire.{metric.statsd_name}" + (".*" if metric.label else "")
        if metric.kind is Kind.HISTOGRAM:
            assert rules.pop((f"{stem}.count", "counter"))[0] == f"{metric.name}_count"
            for percent in ("p50", "p95", "p99"):
                name, labels = rules.pop((f"{stem}.{percent}", "gauge"))
                assert name == metric.name.replace("_seconds", "_milliseconds")
                assert f'quantile: "0.{percent[1:].rstrip("0")}"' in labels
        else:
            name, labels = rules.pop((stem, str(metric.kind)))
            assert name == metric.name
            assert (f'{metric.label}: "$1"' in labels) == (metric.label is not None)
    assert not rules
