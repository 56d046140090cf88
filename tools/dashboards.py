"""The two dashboards: one that asks Prometheus, one that asks Graphite for what a StatsD daemon put there. Pure."""

from actors.metrics import WS_CONNECTIONS, Metric
from tools.dashboard_panels import rows
from tools.grafana import Dashboard, Query, Variable

__all__ = ["InGraphite", "InPrometheus", "prometheus_dashboard", "statsd_dashboard"]

_CHOSEN = '{job=~"$job", instance=~"$instance"}'


class InPrometheus:
    """Implements ``dashboard_panels.Language`` with PromQL."""

    duration_unit = "s"

    def rate(self, counter: Metric, name: str = "") -> Query:
        return Query(f"{_sum(counter)} (rate({counter.name}{_CHOSEN}[$__rate_interval]))", _legend(counter, name))

    def value(self, gauge: Metric, name: str = "") -> Query:
        return Query(f"{_sum(gauge)} ({gauge.name}{_CHOSEN})", _legend(gauge, name))

    def highest(self, gauge: Metric) -> Query:
        return self._of_gateways("max", gauge)

    def lowest(self, gauge: Metric) -> Query:
        return self._of_gateways("min", gauge)

    def percentile(self, histogram: Metric, percent: int) -> Query:
        by = f"le, {histogram.label}" if histogram.label else "le"
        buckets = f"sum by ({by}) (rate({histogram.name}_bucket{_CHOSEN}[$__rate_interval]))"
        return Query(f"histogram_quantile({percent / 100}, {buckets})", _legend(histogram, f"p{percent}"))

    def _of_gateways(self, how: str, gauge: Metric) -> Query:
        return Query(f"{how} by ({gauge.label}) ({gauge.name}{_CHOSEN})", _legend(gauge, how))


def _sum(metric: Metric) -> str:
    return f"sum by ({metric.label})" if metric.label else "sum"


def _legend(metric: Metric, name: str) -> str:
    return f"{{{{{metric.label}}}}}" if metric.label else name


class InGraphite:
    """Implements ``dashboard_panels.Language`` with Graphite's functions, on names as the upstream daemon makes them.

    The daemon turns counters into rates per second, keeps gauges as they came, and knows nothing of gateways.
    """

    duration_unit = "ms"

    def rate(self, counter: Metric, name: str = "") -> Query:
        return _lines("${rates}", counter, name)

    def value(self, gauge: Metric, name: str = "") -> Query:
        return _lines("${gauges}", gauge, name)

    def highest(self, gauge: Metric) -> Query:
        return _lines("${gauges}", gauge, "highest")

    def lowest(self, gauge: Metric) -> Query:
        return _lines("${gauges}", gauge, "lowest")

    def percentile(self, histogram: Metric, percent: int) -> Query:
        if histogram.label:
            return Query(f"aliasByNode({_path('${gauges}', histogram)}.*.p{percent}, -2)")
        return Query(f'alias({_path("${gauges}", histogram)}.p{percent}, "p{percent}")')


def _path(area: str, metric: Metric) -> str:
    return f"{area}.${{prefix}}.{metric.statsd_name}"


def _lines(area: str, metric: Metric, name: str) -> Query:
    if metric.label:
        return Query(f"aliasByNode({_path(area, metric)}.*, -1)")
    return Query(f'alias({_path(area, metric)}, "{name or metric.unit}")')


def prometheus_dashboard() -> Dashboard:
    return Dashboard(
        uid="fanwire-prometheus",
        title="Fanwire",
        help="The realtime gateway, from its /metrics.",
        source="prometheus",
        variables=(
            Variable("job", "Job", query=f"label_values({WS_CONNECTIONS.name}, job)"),
            Variable("instance", "Gateway", query=f'label_values({WS_CONNECTIONS.name}{{job=~"$job"}}, instance)'),
        ),
        rows=rows(InPrometheus()),
    )


def statsd_dashboard() -> Dashboard:
    return Dashboard(
        uid="fanwire-statsd",
        title="Fanwire (StatsD)",
        help="The realtime gateway, from Graphite behind an upstream StatsD daemon; without statsd.tags.",
        source="graphite",
        variables=(
            Variable("prefix", "Prefix (statsd.prefix)", default="fanwire"),
            Variable("rates", "Where the daemon puts rates", default="stats"),
            Variable("gauges", "Where the daemon puts gauges", default="stats.gauges"),
        ),
        rows=rows(InGraphite()),
    )
