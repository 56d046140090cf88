"""The connections that are open: what a gateway that stops cuts off in the end."""

from typing import Protocol

__all__ = ["OpenConnection", "OpenConnections"]


class OpenConnection(Protocol):
    def cut_off(self) -> None:
        """Hang up now."""


OpenConnections = set[OpenConnection]
"""Every connection whose TCP is still there, those that are closing or were never let in among them."""
