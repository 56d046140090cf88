"""What flags of ``fanwire serve`` become, and what --dev tells."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from server.cli import main
from server.cli.serve import announcement, configure, flags_from, worker_program


def _flags(*words: str) -> dict[str, object]:
    parser = argparse.ArgumentParser()
    configure(parser)
    given = flags_from(parser.parse_args(words))
    return {key: value for key, value in given.items() if value}


def test_no_flags_give_no_settings() -> None:
    assert _flags() == {}


def test_flags_are_settings_by_their_dotted_keys() -> None:
    words = ["--dev", "--host", "::1", "--port", "9", "--workers", "2", "--bus", "memory://", "--statsd", "h:1"]
    assert _flags(*words) == {
        "server.dev": True,
        "server.host": "::1",
        "server.port": "9",
        "server.workers": "2",
        "bus.url": "memory://",
        "statsd.host": "h",
        "statsd.port": "1",
    }


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("localhost", "localhost", None),
        ("[::1]:8126", "::1", "8126"),
        ("[::1]", "::1", None),
        ("h:", "h", None),
        ("::1", "::1", None),
    ],
)
def test_statsd_is_a_host_and_perhaps_a_port(text: str, host: str, port: str | None) -> None:
    given = _flags("--statsd", text)
    assert (given["statsd.host"], given.get("statsd.port")) == (host, port)


def test_the_announcement_has_every_url_and_the_first_command() -> None:
    text = announcement("http://127.0.0.1:9000", None)
    for part in (
        "http://127.0.0.1:9000/\n",
        "http://127.0.0.1:9000/ops\n",
        "ws://127.0.0.1:9000/api/ws",
        "curl -X POST http://127.0.0.1:9000/api/",
    ):
        assert part in text
    assert "token" not in text


def test_the_announcement_puts_the_token_where_it_works() -> None:
    text = announcement("http://127.0.0.1:9000", "eyJ.a.b")
    assert "http://127.0.0.1:9000/#token=eyJ.a.b\n" in text
    assert "http://127.0.0.1:9000/ops#token=eyJ.a.b\n" in text
    assert "-H 'Authorization: Bearer eyJ.a.b'" in text


def test_every_problem_of_the_configuration_is_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", "x", "--workers", "0"]) == 3
    errors = capsys.readouterr().err
    for problem in ("server.port (flag --port): must be an integer", "server.workers (flag", "auth.mode"):
        assert problem in errors


def test_a_worker_gets_the_flags_of_its_parent_and_no_others() -> None:
    parser = argparse.ArgumentParser()
    configure(parser)
    words = ["--config=a b.toml", "--port=0", "--workers=2", "--bus=redis://h"]
    program = worker_program(parser.parse_args(words))
    assert program[:3] == [sys.executable, "-P", "-c"]
    assert program[5:] == ["serve", *words, "--worker-of"]
    given = parser.parse_args([*program[6:], "7"])
    assert (given.worker_of, given.config, given.dev) == (7, "a b.toml", False)


@pytest.mark.slow
def test_a_worker_starts_from_a_folder_with_a_server_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    (tmp_path / "server" / "__init__.py").write_text("raise SystemExit('the wrong server')")
    parser = argparse.ArgumentParser()
    configure(parser)
    program = [*worker_program(parser.parse_args(["--port=x"])), "0"]
    ran = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=30, check=False)
    assert ran.returncode == 3, ran.stderr
    assert "server.port (flag --port)" in ran.stderr


def test_the_hidden_flag_is_not_in_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    assert "worker-of" not in capsys.readouterr().out
