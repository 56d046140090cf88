"""``GET /metrics``: everything that was counted, for Prometheus. 501 where prometheus-client is not installed."""

from actors.meter import Meter
from server.handlers.json_handler import JsonHandler
from server.operators import Operators

try:
    from server.metrics.prometheus import expose
except ModuleNotFoundError as missing:
    if missing.name != "prometheus_client":
        raise
    HAS_PROMETHEUS = False
else:
    HAS_PROMETHEUS = True

__all__ = ["MetricsHandler"]


class MetricsHandler(JsonHandler):
    """Imported with the gateway, not with the first scrape: an import stalls the loop for everybody."""

    routine = True

    def initialize(self, operators: Operators, meter: Meter) -> None:
        self._operators = operators
        self._meter = meter

    async def get(self) -> None:
        refused = await self._operators.may_scrape(self.request)
        if refused is not None:
            self.turn_away(refused)
        elif not HAS_PROMETHEUS:
            self.refuse(501, "not_installed", "prometheus-client is missing; run: pip install 'fanwire[prometheus]'")
        else:
            exposition = expose(self._meter, self.request.headers.get("Accept", ""))
            self.set_header("Content-Type", exposition.content_type)
            self.finish(exposition.body)

    head = get
