"""When several workers together are ready."""

import pytest

from server.siblings import WorkerState, are_ready

READY, NOT_READY, SILENT, AWAY = WorkerState


@pytest.mark.parametrize(
    ("states", "ready"),
    [
        ([READY], True),
        ([READY, READY], True),
        ([READY, AWAY], True),
        ([READY, NOT_READY], False),
        ([READY, SILENT], False),
        ([AWAY, AWAY], False),
        ([], False),
    ],
)
def test_somebody_accepts_and_everybody_who_accepts_is_ready(states: list[WorkerState], ready: bool) -> None:
    assert are_ready(dict(enumerate(states, 1))) is ready
