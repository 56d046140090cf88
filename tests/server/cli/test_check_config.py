"""``fanwire check-config`` shows what would be in force, or everything that is wrong."""

from pathlib import Path

import pytest

from server.cli import main
from server.cli.check_config import aligned

SECRET = "0123456789abcdef0123456789ABCDEF"


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FANWIRE_AUTH__MODE", "FANWIRE_AUTH__SECRET", "FANWIRE_BUS__URL"):
        monkeypatch.delenv(name, raising=False)


def test_settings_and_their_sources_are_shown_and_secrets_masked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fanwire.toml"
    file.write_text(f'[auth]\nmode = "jwt"\nsecret = "{SECRET}"\n[server]\nport = 9000\n')
    assert main(["check-config", str(file)]) == 0
    out = capsys.readouterr().out
    assert SECRET not in out
    (port,) = [line for line in out.splitlines() if line.startswith("server.port")]
    assert port.split() == ["server.port", "=", "9000", "#", "file", str(file)]


def test_all_problems_are_named_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "fanwire.toml"
    file.write_text('[server]\nprot = 9000\n[auth]\nmode = "maybe"\n')
    assert main(["check-config", str(file)]) == 3
    errors = capsys.readouterr().err
    assert "did you mean server.port?" in errors
    assert "auth.mode" in errors


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ('mode = "jwt"\nsecret_file = "/no/such/file"', "auth.secret_file"),
        ('mode = "jwt"\njwks_file = "/no/such/file"', "auth.jwks_file"),
        ('mode = "disabled"\n[bus]\nurl = "redis://127.0.0.1:70000/0"', "bus.url"),
        ('mode = "disabled"\n[bus]\nurl = "nats://127.0.0.1:port"', "bus.url"),
    ],
)
def test_what_only_serve_would_find_wrong_is_found(
    settings: str, named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fanwire.toml"
    file.write_text(f"[auth]\n{settings}\n")
    assert main(["check-config", str(file)]) == 3
    assert named in capsys.readouterr().err
    assert main(["doctor", "--config", str(file), "--url", "http://127.0.0.1:1"]) == 6
    (finding,) = [line for line in capsys.readouterr().out.splitlines() if " configuration" in line]
    assert named in finding


def test_sources_stand_in_a_column_that_one_long_value_does_not_move() -> None:
    rows = [("a", "1", "default"), ("bb", "2", "default"), ("c", "x" * 100, "file f")]
    lines = aligned(rows)
    assert lines[:2] == ["a = 1   # default", "bb = 2  # default"]
    assert lines[2].endswith("x  # file f")
