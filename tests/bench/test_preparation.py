"""bench.preparation: a program that lacks what it needs says what, and measures nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench.native import BUILD_FOLDER
from bench.preparation import require_program

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("program", ["idle_memory", "publish_throughput", "token_stream", "many_topics"])
def test_without_a_compiler_it_says_what_to_install(program: str) -> None:
    command = [sys.executable, "-m", f"bench.{program}"]
    environment = {"PATH": "/nowhere"}
    ran = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "install gcc" in ran.stderr
    assert not ran.stdout


def test_connections_that_do_not_fit_the_descriptors_are_refused_with_the_limit() -> None:
    command = f"ulimit -n 500; exec {sys.executable} -m bench.idle_memory --connections 400"
    ran = subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 1
    assert "400 do not fit RLIMIT_NOFILE, 500" in ran.stderr


def test_a_load_generator_is_built_from_its_source() -> None:
    assert require_program("publish_load") == BUILD_FOLDER / "publish_load"
