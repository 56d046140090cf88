"""bench.progress: lines without a terminal; on one, a bar that counts cells and the lines above it."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from bench.progress import Progress

ROOT = Path(__file__).parents[2]
_PROGRAM = """
from bench.progress import Progress
with Progress() as progress:
    progress.say("[begins]")
    progress.expect(4)
    progress.advance("first")
    progress.advance("SKIPPED two", 2)
"""


def test_without_a_terminal_there_are_lines_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(2) as progress:
        progress.say("begins")
        progress.advance("first")
    assert capsys.readouterr() == ("", "begins\nfirst\n")


@pytest.mark.slow
def test_on_a_terminal_a_bar_counts_the_cells_that_are_done_or_given_up() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    ran = subprocess.Popen([sys.executable, "-c", _PROGRAM], cwd=ROOT, env=environment, stderr=theirs)
    os.close(theirs)
    shown = _read_all(ours)
    assert ran.wait(10) == 0
    assert "[begins]" in shown
    assert "SKIPPED two" in shown
    assert "3/4" in shown


def _read_all(terminal: int) -> str:
    parts = []
    try:
        while part := os.read(terminal, 65536):
            parts.append(part)
    except OSError:  # how Linux says that the other side of a terminal is closed
        os.close(terminal)
    return b"".join(parts).decode()
