"""What every test gets: its own event loop, and a failure for any log line that says something is wrong."""

import asyncio
import logging
import signal
from collections.abc import Iterator

import pytest
from tornado.ioloop import IOLoop

# Who runs the tests in the background of a shell has SIGINT ignored, and so would every program that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# As in a project of our users: what they get, our own tests live with.
pytest_plugins = ["server.testing.plugin"]

WATCHDOG = "fanwire.loop"


@pytest.fixture
def io_loop() -> Iterator[IOLoop]:
    """A fresh asyncio loop per test, in place of pytest-tornado's, which asks for a current one."""
    asyncio_loop = asyncio.new_event_loop()
    asyncio.set_event_loop(asyncio_loop)
    loop = IOLoop(asyncio_loop=asyncio_loop, make_current=False)
    yield loop
    asyncio_loop.run_until_complete(_cancel_what_is_left(asyncio_loop))
    asyncio.set_event_loop(None)
    loop.close(all_fds=True)


async def _cancel_what_is_left(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop) - {asyncio.current_task(loop)}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class ExpectedLogs:
    """The warnings and errors that a test provokes on purpose; whatever else is logged fails the test."""

    def __init__(self) -> None:
        self._patterns: list[str] = []

    def allow(self, part_of_message: str) -> None:
        """Let records pass whose message contains ``part_of_message``."""
        self._patterns.append(part_of_message)

    def covers(self, record: logging.LogRecord) -> bool:
        return any(pattern in record.getMessage() for pattern in self._patterns)


@pytest.fixture
def expected_logs() -> ExpectedLogs:
    return ExpectedLogs()


def _is_the_machines_fault(record: logging.LogRecord) -> bool:
    """A machine that pauses stalls every loop: the watchdog is right to say so, and no test is wrong for it."""
    return record.name == WATCHDOG


@pytest.fixture(autouse=True)
def no_unexpected_logs(caplog: pytest.LogCaptureFixture, expected_logs: ExpectedLogs) -> Iterator[None]:
    """In an actor system failures are logged, not raised: an unexpected WARNING or ERROR fails the test."""
    yield
    unexpected = [
        f"{record.levelname} {record.name}: {record.getMessage()}"
        for record in caplog.get_records("call")
        if record.levelno >= logging.WARNING and not (_is_the_machines_fault(record) or expected_logs.covers(record))
    ]
    assert not unexpected, "logged unexpectedly:\n" + "\n".join(unexpected)
