"""Schemathesis as the program that its users run, against a gateway at some URL: what it asked, and what it found.

Not as a pytest plugin: as a program it has its own Hypothesis settings and its own warnings.
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from specs import OPENAPI_FILE

from server.testing.child_process import ChildProcess

__all__ = ["CHECKS", "Findings", "schemathesis"]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "unsupported_method",
)
EXAMPLES = 10
# It takes some ten seconds by itself; the rest is for a machine that is busy with something else.
DEADLINE_S = 120.0


@dataclass(frozen=True, slots=True)
class Findings:
    """``failures``: what was found, as JSON. ``answers``: method, path and status of all that was asked."""

    failures: Sequence[str]
    answers: frozenset[tuple[str, str, int]]
    tested: int


async def schemathesis(url: str, directory: Path, *options: str, spec: Path = OPENAPI_FILE) -> Findings:
    """Run it with the same inputs each time; its files go to ``directory``. Raises: ProcessError with its log."""
    report, archive = directory / "report.json", directory / "archive.json"
    argv = [sys.executable, "-m", "schemathesis.cli", "run", str(spec), "--url", url, "--no-color"]
    argv += ["--generation-deterministic", "--seed", "1", "--phases", "examples,coverage,fuzzing"]
    argv += ["--max-examples", str(EXAMPLES), "--suppress-health-check", "all", "--continue-on-failure"]
    argv += ["--checks", ",".join(CHECKS), "--report-json-path", str(report), "--report-har-path", str(archive)]
    # In a directory of its own: it leaves a cache where it runs.
    async with ChildProcess([*argv, *options], cwd=directory) as process:
        status = await process.wait(timeout_s=DEADLINE_S)
        told = json.loads(report.read_text()) if report.exists() else {}
        if status not in (0, 1) or not told.get("complete") or told["errors"]:
            raise process.failure(f"did not come to its end: status {status}")
    found = Findings(_failures(told), _answers(json.loads(archive.read_text())), told["operations"]["tested"])
    assert (status == 0) == (not found.failures), (status, found.failures)
    return found


def _failures(told: dict[str, Any]) -> Sequence[str]:
    return [json.dumps(failure) for failure in told["failures"]]


def _answers(archive: dict[str, Any]) -> frozenset[tuple[str, str, int]]:
    entries = ((entry["request"], entry["response"]) for entry in archive["log"]["entries"])
    return frozenset((asked["method"], urlsplit(asked["url"]).path, answer["status"]) for asked, answer in entries)
