"""``GET /healthz`` (the process runs) and ``GET /readyz`` (it can serve: send it traffic)."""

from collections.abc import Callable, Mapping

from server.handlers.json_handler import JsonHandler
from server.siblings import Siblings, SiblingsUnknown, are_ready

__all__ = ["HealthHandler", "ReadyHandler"]


class HealthHandler(JsonHandler):
    routine = True

    def get(self) -> None:
        self.answer({"status": "ok"})

    head = get


class ReadyHandler(JsonHandler):
    """503 while the bus is gone or the gateway drains; liveness is not touched by either.

    With several workers it is about all of them: whoever asks reaches one by chance, and so will the next client.
    """

    routine = True

    def initialize(self, checks: Callable[[], Mapping[str, bool]], siblings: Siblings | None = None) -> None:
        self._checks = checks
        self._siblings = siblings

    async def get(self) -> None:
        checks = self._checks()
        report: dict[str, object] = {"checks": checks}
        ready = all(checks.values())
        if self._siblings is not None:
            try:
                states = await self._siblings.states()
            except SiblingsUnknown as unknown:
                ready, report["workers"] = False, str(unknown)
            else:
                ready, report["workers"] = ready and are_ready(states), states
        self.answer({"status": "ready" if ready else "not ready", **report}, 200 if ready else 503)

    head = get
