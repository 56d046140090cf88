"""Fanwire's fixtures, and the one of this project: a chat that posts to the gateway of the test."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from chat import Chat

pytest_plugins = ["server.testing.plugin"]


@pytest.fixture
def started_chat(gateway: Any, token: Any) -> Callable[[], Awaitable[Chat]]:
    """A coroutine function, because the gateway starts in the test's own loop."""

    async def start() -> Chat:
        return Chat((await gateway.started()).url, token("chat", publish=["thread:*"]))

    return start


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: Any) -> bool | None:
    """Run coroutines with ``asyncio.run``. Projects that have a plugin for that need none of this."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True
