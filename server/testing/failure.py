"""How an expectation fails: what was expected, what came instead, and everything that happened until then."""

__all__ = ["ConnectionRefused", "ExpectationFailed"]


class ExpectationFailed(AssertionError):
    """``expected`` and ``instead`` are sentences; ``transcript`` has a line for each thing that happened."""

    def __init__(self, expected: str, instead: str, transcript: str) -> None:
        super().__init__(expected, instead, transcript)
        self.expected = expected
        self.instead = instead
        self.transcript = transcript

    def __str__(self) -> str:
        return f"expected {self.expected}\nbut {self.instead}\n{self.transcript}"


class ConnectionRefused(ExpectationFailed):
    """The gateway did not let the client in. ``code``: the close code, or the HTTP status of a stream of events."""

    def __init__(self, code: int, reason: str, transcript: str) -> None:
        super().__init__("to be let in", f"the gateway refused: {code} {reason}".rstrip(), transcript)
        self.code = code
        self.reason = reason
