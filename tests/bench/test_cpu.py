"""bench.cpu: what /proc is read to say."""

import os
import subprocess
import sys

import pytest

from bench.cpu import usage

_BURNT_S = 0.2
# The kernel cuts user and system time of each of the two processes down to a tick.
_CUT_OFF_S = 4 / os.sysconf("SC_CLK_TCK")

_PARENT_OF_A_BUSY_CHILD = f"""
import subprocess, sys
child = "import time\\nwhile time.process_time() < {_BURNT_S}: pass\\nprint('burnt', flush=True)\\ninput()"
subprocess.run([sys.executable, "-c", child], check=False)
"""


@pytest.mark.slow
def test_the_children_of_a_process_count_with_it() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", _PARENT_OF_A_BUSY_CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "burnt\n"
        own_rss = usage(os.getpid()).rss_bytes
        both = usage(parent.pid)
        assert both.cpu_s >= _BURNT_S - _CUT_OFF_S
        assert 0 < both.rss_bytes < 100 * own_rss
    finally:
        parent.communicate("\n", timeout=10)


def test_a_process_that_has_ended_is_said_to_have_ended() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait(timeout=10)
    with pytest.raises(ProcessLookupError, match="has ended"):
        usage(child.pid)
