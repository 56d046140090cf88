"""Writes what is made from the catalogue of metrics: ``python -m tools.from_catalogue``, in the checkout's root.

The dashboards, the mapping of statsd_exporter and the table in docs/metrics.md. The tests fail while one of them
is not what this would write.
"""

from collections.abc import Mapping
from pathlib import Path

from tools.dashboards import prometheus_dashboard, statsd_dashboard
from tools.grafana import dashboard_json
from tools.metrics_page import with_table
from tools.statsd_mapping import statsd_mapping

__all__ = ["COMMAND", "ROOT", "generated", "write"]

COMMAND = "make generated"
ROOT = Path(__file__).parents[1]


def generated(root: Path = ROOT) -> Mapping[Path, str]:
    """Every file by its path, as it should be. Of docs/metrics.md only the table is made here."""
    page, deploy = root / "docs" / "metrics.md", root / "deploy"
    return {
        page: with_table(page.read_text()),
        deploy / "grafana" / "fanwire-prometheus.json": dashboard_json(prometheus_dashboard()),
        deploy / "grafana" / "fanwire-statsd.json": dashboard_json(statsd_dashboard()),
        deploy / "statsd_exporter" / "mapping.yml": statsd_mapping(),
    }


def write(root: Path = ROOT) -> None:
    for path, text in generated(root).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    write()
