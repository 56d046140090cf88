"""Fanwire's fixtures, and a loop for pytest-tornado."""

import asyncio

import pytest
from tornado.ioloop import IOLoop

pytest_plugins = ["server.testing.plugin"]


@pytest.fixture
def io_loop():
    """In place of pytest-tornado's, which asks for a current loop where there is none: that is deprecated."""
    asyncio_loop = asyncio.new_event_loop()
    asyncio.set_event_loop(asyncio_loop)
    loop = IOLoop(asyncio_loop=asyncio_loop, make_current=False)
    yield loop
    asyncio.set_event_loop(None)
    loop.close(all_fds=True)
