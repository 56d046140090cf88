"""What a publisher is told where a bus across a network says nothing, whichever that is. Pure."""

from actors.ports import BusUnavailable

__all__ = ["gone", "unknown"]

RETRY_AFTER_S = 1


def gone(store: str, why: str) -> BusUnavailable:
    """There is nobody to ask: nothing was stored. ``store`` is its name."""
    return BusUnavailable(f"bus: {store} is not reached ({why})", RETRY_AFTER_S)


def unknown(why: str) -> BusUnavailable:
    """The message is on its way, and no answer to it will come."""
    rule = "whether the message was stored is not known: send it again with the same id"
    return BusUnavailable(f"bus: {why}; {rule}", RETRY_AFTER_S)
