"""Runs the Autobahn|Testsuite (RFC 6455 conformance) against one URL and reads its report.

Left out by fuzzingclient.json: 9.* (throughput), 12.* and 13.* (permessage-deflate, off by
default; 11 minutes). ``wstest`` exits 0 whatever it finds: the verdict comes from ``index.json``.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from server.testing.child_process import ChildProcess

__all__ = ["UNAVAILABLE", "WSTEST", "CaseResult", "run_suite"]

ROOT = Path(__file__).parents[3]
WSTEST = ROOT / ".tools" / "autobahn" / "p27" / "bin" / "wstest"
# Written by tools/install_autobahn: the reason why this machine cannot run the suite.
UNAVAILABLE = ROOT / ".tools" / "autobahn" / "unavailable"
SPEC = Path(__file__).with_name("fuzzingclient.json")
AGENT = "fanwire"
PASSED = frozenset({"OK", "NON-STRICT", "INFORMATIONAL"})


@dataclass(frozen=True, slots=True)
class CaseResult:
    """Autobahn's verdict on one case: on the messages, and on the closing handshake."""

    case: str
    behavior: str
    behavior_close: str

    @property
    def passed(self) -> bool:
        return {self.behavior, self.behavior_close} <= PASSED


async def run_suite(url: str, folder: Path, *, timeout_s: float = 120.0) -> list[CaseResult]:
    """The results of all cases against ``url``; ``folder`` keeps the suite's HTML report.

    Raises: ProcessError when wstest fails or takes longer than ``timeout_s``.
    """
    spec = {
        **json.loads(SPEC.read_text()),
        "outdir": str(folder / "report"),
        "servers": [{"agent": AGENT, "url": url}],
    }
    spec_path = folder / "fuzzingclient.json"
    spec_path.write_text(json.dumps(spec))
    async with ChildProcess([str(WSTEST), "--mode", "fuzzingclient", "--spec", str(spec_path)], cwd=folder) as wstest:
        if await wstest.wait(timeout_s=timeout_s):
            raise wstest.failure("wstest failed")
    return _results(folder / "report" / "index.json")


def _results(index: Path) -> list[CaseResult]:
    cases = json.loads(index.read_text())[AGENT]
    return [CaseResult(case, found["behavior"], found["behaviorClose"]) for case, found in cases.items()]
