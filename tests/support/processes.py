"""The server processes that users' tests get: where our own tests have always found them."""

from server.testing.child_process import ChildProcess, ProcessError
from server.testing.server_process import ServerProcess, free_port

__all__ = ["ChildProcess", "ProcessError", "ServerProcess", "free_port"]
