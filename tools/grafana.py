"""A small language for Grafana dashboards: rows of panels become the JSON that Grafana imports. Pure.

Written against schema version 39 (Grafana 10 and 11).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Dashboard", "Panel", "Query", "Row", "Variable", "dashboard_json"]

_COLUMNS = 24
_STAT_HEIGHT, _GRAPH_HEIGHT = 4, 8
# A counter with seventeen close codes has mostly lines at zero: they are not drawn.
_HIDE_ZERO_LINES = {
    "matcher": {"id": "byValue", "options": {"reducer": "allIsZero", "op": "gte", "value": 0}},
    "properties": [{"id": "custom.hideFrom", "value": {"legend": True, "tooltip": True, "viz": True}}],
}

Source = Literal["prometheus", "graphite"]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and what its lines are called: in Graphite's language the query itself says that."""

    text: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """``unit`` is one of Grafana's (``ops``, ``Bps``, ``s``, ``ms``, ``short``); ``red_above`` colours a number."""

    title: str
    help: str
    queries: Sequence[Query]
    unit: str = "short"
    kind: Literal["timeseries", "stat"] = "timeseries"
    width: int = 8
    red_above: float | None = None
    red_below: float | None = None
    hide_zeros: bool = False

    @property
    def height(self) -> int:
        return _STAT_HEIGHT if self.kind == "stat" else _GRAPH_HEIGHT


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Variable:
    """What is chosen above the panels: a text with a default, or (with ``query``) values that a metric has."""

    name: str
    label: str
    default: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    uid: str
    title: str
    help: str
    source: Source
    variables: Sequence[Variable]
    rows: Sequence[Row]


def dashboard_json(dashboard: Dashboard) -> str:
    """The file that Grafana imports; the data source is chosen there."""
    model = {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.help,
        "tags": ["fanwire"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "graphTooltip": 1,
        "templating": {"list": [_source_variable(dashboard.source), *_variables(dashboard)]},
        "panels": list(_panels(dashboard)),
    }
    return json.dumps(model, indent=2, ensure_ascii=False) + "\n"


def _source_variable(source: Source) -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": source, "refresh": 1}


def _variables(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    for variable in dashboard.variables:
        named = {"name": variable.name, "label": variable.label}
        if variable.query:
            yield named | _values_of(variable.query, _source(dashboard.source))
        else:
            chosen = {"text": variable.default, "value": variable.default, "selected": True}
            yield named | {"type": "textbox", "query": variable.default, "current": chosen, "options": [chosen]}


def _values_of(query: str, source: dict[str, str]) -> dict[str, Any]:
    everything = {"text": "All", "value": "$__all", "selected": True}
    choice = {"includeAll": True, "allValue": ".*", "multi": True, "current": everything, "refresh": 2, "sort": 1}
    return {"type": "query", "datasource": source, "query": {"query": query, "refId": "values"}, **choice}


def _source(source: Source) -> dict[str, str]:
    return {"type": source, "uid": "${datasource}"}


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    """Rows from top to bottom, their panels from left to right, each on a line of 24 columns."""
    y, number = 0, 1
    for row in dashboard.rows:
        yield {"id": number, "type": "row", "title": row.title, "collapsed": False, "panels": []} | _place(0, y, 24, 1)
        y, number, x, height = y + 1, number + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > _COLUMNS:
                x, y, height = 0, y + height, 0
            yield {"id": number} | _panel(panel, dashboard.source) | _place(x, y, panel.width, panel.height)
            x, number, height = x + panel.width, number + 1, max(height, panel.height)
        y += height


def _place(x: int, y: int, width: int, height: int) -> dict[str, Any]:
    return {"gridPos": {"x": x, "y": y, "w": width, "h": height}}


def _panel(panel: Panel, source: Source) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.help,
        "datasource": _source(source),
        "fieldConfig": {"defaults": _defaults(panel), "overrides": [_HIDE_ZERO_LINES] if panel.hide_zeros else []},
        "options": _stat_options() if panel.kind == "stat" else _graph_options(),
        "targets": [_target(chr(ord("A") + n), query, source) for n, query in enumerate(panel.queries)],
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.kind == "timeseries":
        return defaults | {"custom": {"lineWidth": 1, "fillOpacity": 8, "showPoints": "never"}}
    return defaults | {"noValue": "–", "thresholds": {"mode": "absolute", "steps": list(_steps(panel))}}


def _steps(panel: Panel) -> Iterator[dict[str, Any]]:
    if panel.red_below is not None:
        yield {"color": "red", "value": None}
        yield {"color": "green", "value": panel.red_below}
    else:
        yield {"color": "green", "value": None}
    if panel.red_above is not None:
        yield {"color": "red", "value": panel.red_above}


def _stat_options() -> dict[str, Any]:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    return {"reduceOptions": last, "colorMode": "value", "graphMode": "area", "textMode": "auto"}


def _graph_options() -> dict[str, Any]:
    legend = {"showLegend": True, "displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]}
    return {"legend": legend, "tooltip": {"mode": "multi", "sort": "desc"}}


def _target(letter: str, query: Query, source: Source) -> dict[str, Any]:
    if source == "graphite":
        return {"refId": letter, "datasource": _source(source), "target": query.text}
    asked = {"refId": letter, "datasource": _source(source), "editorMode": "code", "expr": query.text}
    return asked | {"legendFormat": query.legend or "__auto", "range": True}
