"""``GET /metrics``: everything that was counted, for Prometheus. 501 where prometheus-client is not installed.

With several workers it shows all of them added up, whichever of them is asked.
"""

from actors.meter import Meter
from server.handlers.json_handler import JsonHandler
from server.operators import Operators
from server.siblings import Siblings, SiblingsUnknown

try:
    from server.metrics.prometheus import Exposition, expose, worker_families
except ModuleNotFoundError as missing:
    if missing.name != "prometheus_client":
        raise
    HAS_PROMETHEUS = False
else:
    HAS_PROMETHEUS = True

__all__ = ["MetricsHandler"]

RETRY_AFTER_S = 5


class MetricsHandler(JsonHandler):
    """Imported with the gateway, not with the first scrape: an import stalls the loop for everybody."""

    routine = True

    def initialize(self, operators: Operators, meter: Meter, siblings: Siblings | None = None) -> None:
        self._operators = operators
        self._meter = meter
        self._siblings = siblings

    async def get(self) -> None:
        refused = await self._operators.may_scrape(self.request)
        if refused is not None:
            self.turn_away(refused)
        elif not HAS_PROMETHEUS:
            self.refuse(501, "not_installed", "prometheus-client is missing; run: pip install 'fanwire[prometheus]'")
        else:
            await self._expose()

    async def _expose(self) -> None:
        try:
            exposition = await self._exposition(self.request.headers.get("Accept", ""))
        except SiblingsUnknown as unknown:
            # One worker's own numbers would look as if all the others had lost theirs.
            self.refuse(503, "unavailable", str(unknown), RETRY_AFTER_S)
        else:
            self.set_header("Content-Type", exposition.content_type)
            self.finish(exposition.body)

    async def _exposition(self, accept: str) -> "Exposition":
        """Raises: SiblingsUnknown."""
        if self._siblings is None:
            return expose(self._meter, accept)
        together = await self._siblings.readings()
        return expose(together.readings, accept, also=worker_families(together.answered, together.restarts))

    head = get
