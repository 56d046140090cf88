"""The child processes that users' tests get: where our own tests have always found them."""

from server.testing.child_process import ChildProcess, ProcessError

__all__ = ["ChildProcess", "ProcessError"]
