"""Keys from a real file that changes while the gateway runs."""

import logging
import os
from pathlib import Path
from typing import Any

import pytest
from token_keys import ManualClock, ec_pair, jwks, kids

from server.jwks import MAX_JWKS_BYTES, JwksFile
from server.signing_keys import BadKey

ONE = jwks(ec_pair("one").jwk())
TWO = jwks(ec_pair("one").jwk(), ec_pair("two").jwk())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "jwks.json"
    path.write_bytes(ONE)
    return path


@pytest.mark.gen_test
async def test_a_changed_file_is_read_again_after_a_second(path: Path) -> None:
    clock = ManualClock()
    source = JwksFile(path, now=clock)
    path.write_bytes(TWO)
    clock.seconds += 0.9
    assert kids(await source.keys_for(None)) == ["one"]
    clock.seconds += 0.1
    assert kids(await source.keys_for(None)) == ["one", "two"]


@pytest.mark.gen_test
async def test_a_file_that_did_not_change_is_read_again_for_an_unknown_kid_only(path: Path) -> None:
    clock = ManualClock()
    before = path.stat()
    source = JwksFile(path, now=clock)
    renamed = ONE.replace(b'"one"', b'"two"')
    path.write_bytes(renamed)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    clock.seconds += 1
    assert kids(await source.keys_for("one")) == ["one"]
    assert kids(await source.keys_for("two")) == ["two"]


@pytest.mark.gen_test
async def test_unknown_kids_cause_one_read_a_second(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    # Each read of this file logs the key that it skips, which makes reads visible from outside.
    path.write_bytes(jwks(ec_pair("one").jwk(), {"kty": "odd"}))
    clock = ManualClock()
    caplog.set_level(logging.INFO, "server.jwks")
    source = JwksFile(path, now=clock)
    clock.seconds += 1
    for number in range(100):
        assert await source.keys_for(f"random{number}") == ()
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]


@pytest.mark.gen_test
@pytest.mark.parametrize("broken", [b"{", b"", b'{"keys":[]}', ONE + b" " * MAX_JWKS_BYTES, None])
async def test_a_file_that_turns_bad_keeps_the_keys_and_is_reported_once_each_time(
    path: Path, broken: bytes | None, expected_logs: Any, caplog: pytest.LogCaptureFixture
) -> None:
    expected_logs.allow("the keys read before stay in use")
    clock = ManualClock()
    source = JwksFile(path, now=clock)
    path.write_bytes(broken) if broken is not None else path.unlink()
    for _ in range(3):
        clock.seconds += 1
        assert kids(await source.keys_for("one")) == ["one"]
        assert await source.keys_for("unknown") == ()
    assert len(caplog.records) == 1
    path.write_bytes(TWO)
    clock.seconds += 1
    assert kids(await source.keys_for("two")) == ["two"]
    path.write_bytes(broken) if broken is not None else path.unlink()
    clock.seconds += 1
    assert kids(await source.keys_for("two")) == ["two"]
    assert len(caplog.records) == 2


@pytest.mark.parametrize("content", [None, b"{", ONE + b" " * MAX_JWKS_BYTES])
def test_a_file_that_is_bad_at_start_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "jwks.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadKey, match=r"auth\.jwks_file .*jwks\.json: "):
        JwksFile(path)
