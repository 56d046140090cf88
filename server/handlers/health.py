"""``GET /healthz`` (the process runs) and ``GET /readyz`` (it can serve: send it traffic)."""

from actors.ports import Bus
from server.admission import Admission
from server.handlers.json_handler import JsonHandler

__all__ = ["HealthHandler", "ReadyHandler"]


class HealthHandler(JsonHandler):
    routine = True

    def get(self) -> None:
        self.answer({"status": "ok"})

    head = get


class ReadyHandler(JsonHandler):
    """503 while the bus is gone or the gateway drains; liveness is not touched by either."""

    routine = True

    def initialize(self, bus: Bus, admission: Admission) -> None:
        self._bus = bus
        self._admission = admission

    def get(self) -> None:
        checks = {"bus": self._bus.ready, "accepting": not self._admission.draining}
        ready = all(checks.values())
        self.answer({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)

    head = get
