"""First in, first out, whatever is put in meanwhile."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from actors.runtime.fifo import Fifo


@given(st.lists(st.one_of(st.integers(), st.just("take"))))
def test_what_comes_out_is_what_a_list_would_give(steps: list[int | str]) -> None:
    fifo: Fifo[int] = Fifo()
    waiting: list[int] = []
    for step in steps:
        if isinstance(step, int):
            fifo.append(step)
            waiting.append(step)
        else:
            assert fifo.popleft() == (waiting.pop(0) if waiting else None)
        assert len(fifo) == len(waiting)


def test_one_that_was_emptied_weighs_no_more_than_a_new_one() -> None:
    fifo: Fifo[int] = Fifo()
    fifo.append(1)
    fifo.popleft()
    assert fifo._items is None
    assert sys.getsizeof(fifo) < 100
