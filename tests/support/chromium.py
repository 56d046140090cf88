"""The Chromium of a test run: started by the first page, ended with the run. Owns its process.

To start one takes longer than most pages live, and a context of its own (docs of Playwright) separates a page from
those of other tests as a new browser would.
"""

import atexit
import subprocess
from functools import cache
from pathlib import Path

__all__ = ["CHROMIUM", "chromium_address"]

CHROMIUM = "/usr/bin/chromium"
SERVER = Path(__file__).parents[1] / "end_to_end" / "peers" / "browser_server.mjs"
END_S = 10


@cache
def chromium_address(program: str) -> str:
    """Where pages connect to it; blocks until it is there, the first time.

    Raises: RuntimeError where it does not start; what it said is on stderr.
    """
    server = subprocess.Popen(
        ["node", str(SERVER), program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    atexit.register(_end, server)
    assert server.stdout is not None
    address = server.stdout.readline().strip()
    if not address:
        raise RuntimeError(f"{program} did not start (node ended with {server.wait(END_S)})")
    return address


def _end(server: "subprocess.Popen[str]") -> None:
    """As the end of its stdin tells it, so that Chromium goes with it."""
    server.communicate(timeout=END_S)
