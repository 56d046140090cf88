"""The last things that were odd: warnings and errors of the gateway's own loggers, as operators see them.

`OddEvents` owns the ring of the last ones, and the count of those that fell out of it.
"""

import json
import logging
from collections import deque
from collections.abc import Mapping

from server.logs import entry_of, redact_text

__all__ = ["MAX_KEPT", "OddEvents"]

MAX_KEPT = 100
_LOGGER = "fanwire"
_LONGEST_MESSAGE = 512
_ABOUT = ("actor", "client", "user", "topic", "trace_id")


class OddEvents(logging.Handler):
    """Between ``listen`` and ``stop`` it hears the loggers ``fanwire.*``, as far as ``log.level`` lets them speak.

    What is kept are a few short strings: a record itself would keep alive whatever its traceback refers to.
    """

    def __init__(self, max_kept: int = MAX_KEPT) -> None:
        super().__init__(logging.WARNING)
        self._kept: deque[dict[str, object]] = deque(maxlen=max_kept)
        self._fell_out = 0

    def listen(self) -> None:
        logging.getLogger(_LOGGER).addHandler(self)

    def stop(self) -> None:
        logging.getLogger(_LOGGER).removeHandler(self)
        self.close()

    def emit(self, record: logging.LogRecord) -> None:
        """Called under the handler's lock, from any thread."""
        try:
            event = _event_of(record)
        except Exception:  # noqa: BLE001  # whoever only wrote a line to the log must not fail on it
            self.handleError(record)
            return
        if len(self._kept) == self._kept.maxlen:
            self._fell_out += 1
        self._kept.append(event)

    def last(self) -> dict[str, object]:
        """``events``, the oldest first, and how many older ones ``fell_out``."""
        self.acquire()
        try:
            return {"events": list(self._kept), "fell_out": self._fell_out}
        finally:
            self.release()


def _event_of(record: logging.LogRecord) -> dict[str, object]:
    # Masked as a finished line, as the log's own lines are: a pattern may reach across a key and its value.
    entry: Mapping[str, object] = json.loads(redact_text(json.dumps(entry_of(record))))
    return {
        "time": round(record.created, 3),
        "level": entry["level"],
        "logger": entry["logger"],
        "message": str(entry["message"])[:_LONGEST_MESSAGE],
        **{name: entry[name] for name in _ABOUT if entry.get(name) is not None},
    }
