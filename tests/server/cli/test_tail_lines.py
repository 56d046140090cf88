"""How messages and gaps look in a terminal."""

import json
from datetime import UTC

from server.cli.tail_lines import DATA_WIDTH, gap_line, json_line, message_line
from server.cli.tail_session import Gap

ENVELOPE = {"topic": "thread:1", "type": "hello", "ts": 1719958453.127, "data": {"text": "hi"}}


def test_a_message_is_one_line_with_its_time() -> None:
    assert message_line(ENVELOPE, UTC) == '22:14:13.127  thread:1  hello  {"text": "hi"}'


def test_long_data_is_cut() -> None:
    line = message_line(ENVELOPE | {"data": "x" * 1000}, UTC)
    assert line.endswith("x…")
    assert len(line.split("  ")[-1]) == DATA_WIDTH


def test_what_would_steer_a_terminal_is_escaped() -> None:
    line = message_line(ENVELOPE | {"data": "a\x9b2Jb\u202ec"}, UTC)
    assert line.isprintable()
    assert r"\u009b" in line


def test_a_json_line_is_the_envelope_in_ascii() -> None:
    line = json_line(ENVELOPE | {"data": "ü\n"})
    assert line.isascii() and "\n" not in line
    assert json.loads(line)["data"] == "ü\n"


def test_a_gap_says_between_which_positions_and_why() -> None:
    assert gap_line(Gap("thread:1", 10, 30, "overflow")) == (
        "--- gap in thread:1: messages after 10 and before 30 are missing: this reader was too slow ---"
    )


def test_a_gap_leaves_out_what_is_not_known() -> None:
    reason = "may be missing: older than the gateway's history ---"
    assert gap_line(Gap("t", None, 30, "history")) == f"--- gap in t: messages before 30 {reason}"
    assert gap_line(Gap("t", 10, None, "history")) == f"--- gap in t: messages after 10 {reason}"
    assert gap_line(Gap("t", None, None, "history")) == f"--- gap in t: messages {reason}"
