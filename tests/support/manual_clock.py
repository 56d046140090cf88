"""The manual clock that users' tests get: where our own tests have always found it."""

from server.testing.manual_clock import ManualClock, ManualTimer

__all__ = ["ManualClock", "ManualTimer"]
