"""The operators' page and its data: ``/ops``, ``/api/ops/snapshot`` and ``/api/ops/config``."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from tornado.routing import URLSpec

from server.admission import Refused
from server.handlers.json_handler import JsonHandler
from server.logs import redact_text
from server.operators import Operators
from server.ops.snapshots import Snapshots
from server.page_files import STATIC, PageFile

__all__ = ["STATIC", "ConfigHandler", "OpsPage", "SnapshotHandler", "ops_routes"]

_PART = r"[A-Za-z0-9_-][A-Za-z0-9_.-]*"  # never hidden, and never ".."

Described = Callable[[], Sequence[tuple[str, str, str]]]
"""Every setting: its key, its value as text with secrets masked, and where the value is from."""


class OpsPage(PageFile):
    """Open to everybody, as it holds no data: what it shows it has to ask for, with an admin's token."""

    absent: ClassVar[str] = (
        "the ops page is not built; run `make run`, or `npm run build` in frontend/, and load this page again"
    )

    def parse_url_path(self, url_path: str) -> str:
        return f"{url_path}.html"


class SnapshotHandler(JsonHandler):
    """Everything at once, for admins. Pages ask every second: only what goes wrong is a line in the log."""

    routine = True

    def initialize(self, operators: Operators, snapshots: Snapshots) -> None:
        self._operators = operators
        self._snapshots = snapshots

    async def get(self) -> None:
        admitted = await self._operators.identify(self.request)
        if isinstance(admitted, Refused):
            self.turn_away(admitted)
        else:
            self.finish(await self._snapshots.latest())

    head = get


class ConfigHandler(JsonHandler):
    """The effective configuration as ``fanwire check-config`` prints it, for admins."""

    def initialize(self, operators: Operators, described: Described) -> None:
        self._operators = operators
        self._described = described

    async def get(self) -> None:
        admitted = await self._operators.identify(self.request)
        if isinstance(admitted, Refused):
            self.turn_away(admitted)
            return
        rows = [
            # A URL may bring a credential in a way that its own mask does not know.
            {"key": key, "value": redact_text(value), "source": source}
            for key, value, source in self._described()
        ]
        self.answer({"settings": rows})

    head = get


def ops_routes(operators: Operators, snapshots: Snapshots, described: Described) -> list[URLSpec]:
    """The page at ``/ops``, the files that it loads below ``/static/``, and its two sources of data."""
    files = {"path": str(STATIC)}
    return [
        URLSpec(r"/(ops)", OpsPage, files),
        URLSpec(rf"/static/({_PART}(?:/{_PART})*)", PageFile, files),
        URLSpec(r"/api/ops/snapshot", SnapshotHandler, {"operators": operators, "snapshots": snapshots}),
        URLSpec(r"/api/ops/config", ConfigHandler, {"operators": operators, "described": described}),
    ]
