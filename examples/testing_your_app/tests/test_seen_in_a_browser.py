"""Bugs that were seen in a browser, and stay fixed: each one a capture, and one line."""

from pathlib import Path

import pytest

from server.testing import WsHarness

CAPTURES = Path(__file__).parent / "captures"


@pytest.mark.parametrize("capture", sorted(CAPTURES.glob("*.jsonl")), ids=lambda file: file.stem)
async def test_it_is_seen_again_as_it_was(gateway, token, capture):
    async with WsHarness(gateway, token("ada", ["thread:*"])) as ws:
        await ws.play(capture, speed=20)
