"""How ``fanwire tail`` writes: a message as one line for people or as its JSON, a gap so that nobody misses it."""

import json
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any

from server.cli.tail_session import Gap

__all__ = ["DATA_WIDTH", "gap_line", "json_line", "message_line"]

DATA_WIDTH = 100

_REASONS = {
    "history": "older than the gateway's history",
    "overflow": "this reader was too slow",
    "chain": "their place in the chain was never delivered",
}


def message_line(envelope: Mapping[str, Any], zone: tzinfo | None = None) -> str:
    """Time of day in ``zone`` (the machine's), topic, type and the beginning of the data."""
    moment = datetime.fromtimestamp(envelope["ts"], zone).strftime("%H:%M:%S.%f")[:-3]
    data = _printable(envelope.get("data", {}))
    if len(data) > DATA_WIDTH:
        data = data[: DATA_WIDTH - 1] + "…"
    return f"{moment}  {envelope['topic']}  {envelope['type']}  {data}"


def json_line(envelope: Mapping[str, Any]) -> str:
    """The whole envelope; ASCII, so that every pipe and every terminal takes it."""
    return json.dumps(envelope, separators=(",", ":"))


def gap_line(gap: Gap) -> str:
    reason = _REASONS.get(gap.reason, gap.reason)
    after = "" if gap.after is None else f" after {gap.after}"
    before = "" if gap.before is None else f" before {gap.before}"
    between = " and" if after and before else ""
    verb = "may be" if gap.reason == "history" else "are"
    return f"--- gap in {gap.topic}: messages{after}{between}{before} {verb} missing: {reason} ---"


def _printable(data: object) -> str:
    """What a publisher wrote must not steer the reader's terminal: JSON leaves U+009B and its like alone."""
    text = json.dumps(data, ensure_ascii=False, separators=(", ", ": "))
    return text if text.isprintable() else json.dumps(data)
