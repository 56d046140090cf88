"""bench.outputs: one call prints, writes, records and draws what a program found."""

import argparse
from dataclasses import asdict
from pathlib import Path

import pytest

from bench.cells import Cell
from bench.outputs import add_outputs, fact_lines, publish
from bench.record import RESULTS_FOLDER, begin_run, last_runs, read_run
from bench.report import QUESTION

CELL = Cell(1, "fanwire", 1000, 1, 100, 1e5, 4.5, 1.0, 2.0, 0.1, 9000.0, 1.0, 0.5, 180.0)


def _options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_outputs(parser, "fan_out")
    return parser.parse_args(arguments)


def _publish(options: argparse.Namespace, cells: list[Cell], skipped: list[str]) -> int:
    begun = begin_run("fan_out", ["--rounds", "1"])
    setting = {"load generator": "C", "carried": {"fanwire": 200}}
    return publish(QUESTION, begun, options, cells, servers={"fanwire": "0.1"}, setting=setting, skipped=skipped)


def test_what_was_measured_is_printed_with_its_targets_and_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert _publish(_options(), [CELL], []) == 0
    printed = capsys.readouterr().out
    assert "### 1,000 subscribers, 1 outstanding" in printed
    assert "carried: fanwire 200" in printed
    assert "Targets:" in printed


@pytest.mark.parametrize("cells", [[CELL], []])
def test_what_is_missing_is_printed_and_ends_with_1(cells: list[Cell], capsys: pytest.CaptureFixture[str]) -> None:
    assert _publish(_options(), cells, ["ws: not installed"]) == 1
    assert "NOT MEASURED: ws: not installed" in capsys.readouterr().out


def test_nothing_measured_is_no_success() -> None:
    assert _publish(_options(), [], []) == 1


def test_a_run_is_written_and_recorded_where_the_options_say(tmp_path: Path) -> None:
    written, folder = tmp_path / "run.json", tmp_path / "results"
    _publish(_options("--json", str(written), "--record", str(folder)), [CELL], [])
    run = read_run(written)
    assert run.cells == [asdict(CELL)]
    assert run.command == "python -m bench.fan_out --rounds 1"
    assert last_runs(folder) == {"fan_out": run}


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "begins"), [(".svg", b"<?xml"), (".png", b"\x89PNG")])
def test_a_picture_is_drawn_in_the_format_of_its_ending(ending: str, begins: bytes, tmp_path: Path) -> None:
    picture = tmp_path / f"run{ending}"
    _publish(_options("--plot", str(picture)), [CELL], [])
    assert picture.read_bytes().startswith(begins)


def test_a_picture_and_a_record_have_a_place_unless_told() -> None:
    options = _options("--plot", "--record")
    assert (options.plot, options.record) == (Path("fan_out.svg"), RESULTS_FOLDER)


def test_a_picture_that_nobody_can_draw_is_refused_before_anything_is_measured(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        _options("--plot", "run.xls")
    assert "must end in .svg, .png or .pdf" in capsys.readouterr().err


def test_where_a_result_goes_is_no_part_of_the_command_that_is_kept() -> None:
    arguments = "--json /home/me/run.json --rounds 2 --plot --servers floor,ws --record there --plot=a.svg --seconds 3"
    begun = begin_run("fan_out", arguments.split())
    assert begun.command == "python -m bench.fan_out --rounds 2 --servers floor,ws --seconds 3"


def test_facts_read_as_sentences() -> None:
    facts = {"subscribers": 1000, "carried": {"a": 1, "b": 2}, "loop": "closed"}
    assert fact_lines(facts) == ["subscribers: 1,000", "carried: a 1, b 2", "loop: closed"]
