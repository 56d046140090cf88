"""The example project's tests, as a user runs them: from the installed wheel, in a virtual environment of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from wheels import ROOT, wheel_of_checkout

EXAMPLE = ROOT / "examples" / "testing_your_app"
INSTALL_S = 180
TESTS_S = 120
# The last setuptools that had what pytest-tornado imports was 81.
PYTEST_TORNADO = ("pytest-tornado==0.8.1", "setuptools>=82")


@pytest.mark.slow
def test_the_example_project_passes_from_an_installed_wheel(tmp_path: Path) -> None:
    wheel = wheel_of_checkout(tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    run(sys.executable, "-m", "venv", tmp_path / "venv", timeout_s=INSTALL_S)
    run(python, "-m", "pip", "install", "--quiet", wheel, "pytest>=9", timeout_s=INSTALL_S)
    project = shutil.copytree(EXAMPLE, tmp_path / "app", ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    where = run(python, "-c", "import server.testing; print(server.testing.__file__)", cwd=project)
    assert Path(where.strip()).is_relative_to(tmp_path / "venv")
    said = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=project, timeout_s=TESTS_S)
    assert " passed" in said and "skipped" not in said, said
    # Not before: where it is installed, it ends every run of pytest that has no stand-in.
    run(python, "-m", "pip", "install", "--quiet", *PYTEST_TORNADO, timeout_s=INSTALL_S)
    tornado = project / "with_pytest_tornado"
    said = run(python, "-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=tornado, timeout_s=TESTS_S)
    assert "1 passed" in said, said


def run(*command: object, cwd: Path | None = None, timeout_s: float = 30) -> str:
    """What the command wrote. Raises: AssertionError with all of it where it failed."""
    # The checkout is not to be found by accident.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env=env,
        timeout=timeout_s,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
