"""docs/slow-clients.md: its configuration is one that the gateway takes, and says what the page says."""

import re
import tomllib
from pathlib import Path

import pytest

from actors.runtime.overflow import OverflowPolicy
from server.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "slow-clients.md").read_text()


def _example() -> str:
    (found,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def test_check_config_takes_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FANWIRE_AUTH__MODE", "disabled")
    file = tmp_path / "fanwire.toml"
    file.write_text(_example())
    assert main(["check-config", str(file)]) == 0
    shown = capsys.readouterr().out
    assert re.search(r'^topics\.thread\.overflow *= "?catch_up"? ', shown, re.MULTILINE), shown


def test_the_page_has_every_policy_in_its_table_its_example_and_a_section_of_its_own() -> None:
    in_example = {topic.get("overflow") for topic in tomllib.loads(_example())["topics"].values()}
    assert in_example | {"disconnect"} == set(OverflowPolicy)
    for policy in OverflowPolicy:
        assert f"| `{policy}`" in PAGE
        assert f"### `{policy}`" in PAGE
