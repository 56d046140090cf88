"""``GET /api/trace/<id>``: what this gateway knows of one message, for admins."""

from actors.clients import Clients
from actors.ports import Clock
from actors.trace import Trace, Traces
from server.admission import Refused
from server.handlers.json_handler import JsonHandler
from server.operators import Operators

__all__ = ["TraceHandler"]


class TraceHandler(JsonHandler):
    """Answers from the ring of the last traces: 404 says that it left the ring, or never came by here."""

    def initialize(self, operators: Operators, traces: Traces, clients: Clients, clock: Clock) -> None:
        self._operators = operators
        self._traces = traces
        self._clients = clients
        self._clock = clock

    async def get(self, trace_id: str) -> None:
        admitted = await self._operators.identify(self.request)
        if isinstance(admitted, Refused):
            self.turn_away(admitted)
            return
        traces = self._traces.of(trace_id.lower())
        if traces:
            self.answer({"id": traces[0].id, "messages": [self._story_of(trace) for trace in traces]})
        else:
            self.refuse(404, "not_found", "no such message among the last ones of this worker")

    head = get

    def _story_of(self, trace: Trace) -> dict[str, object]:
        return {
            "topic": trace.topic,
            "type": trace.type,
            "seq": trace.seq,
            "prev": trace.prev,
            "hops": {
                "accepted": trace.accepted,
                "stored": self._unix(trace.received),
                "fanned_out": self._unix(trace.fanned_out),
                "written": self._unix(trace.last_written),
            },
            "offered": trace.offered,
            "written": trace.written,
            "replayed": trace.replayed,
            "dropped": dict(trace.dropped or {}),
            "acknowledged": self._clients.that_saw(trace.topic, trace.seq),
            "dead_letter": trace.dead_letter,
        }

    def _unix(self, moment: float | None) -> float | None:
        """Monotonic seconds as Unix time in milliseconds' resolution."""
        return None if moment is None else round(moment - self._clock.monotonic() + self._clock.time(), 3)
