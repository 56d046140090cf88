"""``make repeat``: an order per seed, a stop at the first failure, and a machine that is left as it was."""

import re
from pathlib import Path

import pytest

from tools.repeat_tests import CORE, ROOT, main

pytestmark = pytest.mark.slow


def a_test_file(folder: Path, *, breaks: bool) -> str:
    """Ten tests that write down their order; where it ``breaks``, the last of them finds out that it is wrong."""
    file = folder / "test_order.py"
    file.write_text(
        "from pathlib import Path\n\nimport pytest\n\n\n"
        '@pytest.mark.parametrize("number", range(10))\n'
        "def test_one(number):\n"
        f"    order = Path({str(folder / 'order')!r})\n"
        '    with order.open("a") as lines:\n'
        '        lines.write(f"{number} ")\n'
        f"    assert not {breaks} or len(order.read_text().split()) < 10\n"
    )
    return str(file)


def orders(folder: Path) -> list[list[str]]:
    numbers = (folder / "order").read_text().split()
    return [numbers[start : start + 10] for start in range(0, len(numbers), 10)]


def test_each_run_has_an_order_of_its_own_which_its_seed_gives_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = a_test_file(tmp_path, breaks=False)
    assert main([file, "--runs", "2", "--seed", "7", "--busy", "1"]) == 0
    assert main([file, "--runs", "1", "--seed", "7", "--busy", "0"]) == 0
    first, second, again = orders(tmp_path)
    assert first == again
    assert first != second and sorted(first) == sorted(second)
    said = capsys.readouterr().out
    assert "run 2 of 2, seed 8: 10 passed" in said
    assert re.search(r"2 runs, no failure, 1 busy processes, \d+ s", said)


def test_the_first_failure_ends_it_with_its_log_and_the_command_for_that_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = a_test_file(tmp_path, breaks=True)
    assert main([file, "--runs", "5", "--seed", "7", "--busy", "0"]) == 1
    said = capsys.readouterr().out
    assert "run 1 of 5, seed 7: 1 failed, 9 passed" in said and "run 2" not in said
    assert "assert not True or" in said
    assert f"--order-seed 7 {file}" in said


def test_the_core_is_there() -> None:
    assert [test for test in CORE if not (ROOT / test.partition("::")[0]).exists()] == []
