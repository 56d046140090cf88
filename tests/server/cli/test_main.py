"""The front door of the command line: help, dispatch, and a quick start."""

import subprocess
import sys
from pathlib import Path

import pytest

from server.cli import COMMANDS, main

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples_and_exit_codes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    assert f"  fanwire {name}" in text.partition("examples:")[2]
    assert "exit codes:" in text


def test_the_overview_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert all(summary.split()[0] in text and name in text for name, summary in COMMANDS.items())


def test_no_command_is_a_usage_error_that_shows_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "fanwire serve --dev" in capsys.readouterr().out


def test_an_unknown_command_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sevre"])
    assert ended.value.code == 2
    assert "serve" in capsys.readouterr().err


def test_publish_does_not_wait_for_tornado_to_be_imported() -> None:
    program = (
        "import sys; from server.cli import main\n"
        "try: main(['publish', '--help'])\n"
        "except SystemExit: print('tornado' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert ran.stdout.splitlines()[-1] == "False"
