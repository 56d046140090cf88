"""The systemd unit, the image and the compose file: what can be checked of them without a daemon."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from server.config import ServerConfig
from server.config_keys import environment_name
from server.lifecycle import KILL_MARGIN_S
from server.settings import SETTINGS

DEPLOY = Path(__file__).parents[1] / "deploy"
UNIT = DEPLOY / "systemd" / "fanwire.service"
COMPOSE = DEPLOY / "docker" / "compose.yaml"
DOCKERFILE = DEPLOY / "docker" / "Dockerfile"


def _systemd_analyze(unit: Path) -> tuple[int, str]:
    program = shutil.which("systemd-analyze")
    assert program, "systemd-analyze is missing; install the Debian package systemd (make test does)"
    ran = subprocess.run([program, "verify", str(unit)], capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode, "\n".join(line for line in (ran.stdout + ran.stderr).splitlines() if unit.name in line)


def _unit_in(folder: Path, *changes: tuple[str, str]) -> Path:
    """A copy whose program exists on this machine."""
    unit = folder / UNIT.name
    text = UNIT.read_text().replace("/opt/fanwire/bin/fanwire", str(Path(sys.executable).parent / "fanwire"))
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    unit.write_text(text)
    return unit


@pytest.mark.slow
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    assert _systemd_analyze(_unit_in(tmp_path)) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [("KillMode=mixed", "KillMode=gently"), ("ExecStart=/", "ExecStart=/nowhere/"), ("Restart=", "Restrat=")]
)
def test_systemd_would_say_what_is_wrong_with_it(change: tuple[str, str], tmp_path: Path) -> None:
    code, said = _systemd_analyze(_unit_in(tmp_path, change))
    assert code != 0 or said


@pytest.mark.parametrize(
    ("file", "pattern"), [(UNIT, r"TimeoutStopSec=(\d+)"), (COMPOSE, r"stop_grace_period: (\d+)s")]
)
def test_nobody_kills_a_gateway_that_still_drains(file: Path, pattern: str) -> None:
    (seconds,) = re.findall(pattern, file.read_text())
    assert float(seconds) > ServerConfig().drain_s + KILL_MARGIN_S


@pytest.mark.parametrize("file", [COMPOSE, DOCKERFILE], ids=lambda file: file.name)
def test_variables_are_those_of_settings_that_exist(file: Path) -> None:
    named = set(re.findall(r"\bFANWIRE_[A-Z_]+__[A-Z_]+", file.read_text()))
    assert named
    assert named <= {environment_name(key) for key in SETTINGS}


def test_what_the_image_copies_is_there_and_is_all_that_the_build_needs() -> None:
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE.read_text(), re.MULTILINE)
        for word in line.split()[:-1]
    }
    ignored = (DOCKERFILE.parent / "Dockerfile.dockerignore").read_text().splitlines()
    assert all((DEPLOY.parent / path).exists() for path in copied)
    assert copied == {line[1:] for line in ignored if line.startswith("!")}


def test_the_image_runs_as_nobody_in_particular_and_stops_by_the_signal_that_drains() -> None:
    lines = DOCKERFILE.read_text().splitlines()
    assert lines.index("USER fanwire") < lines.index('ENTRYPOINT ["fanwire"]')
    assert "STOPSIGNAL SIGTERM" in lines
