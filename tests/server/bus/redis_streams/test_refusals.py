"""What Redis answers, in the words that a publisher gets."""

import pytest
from redis.exceptions import (
    BusyLoadingError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)

from server.bus.redis_streams.refusals import refusal_of


@pytest.mark.parametrize(
    ("error", "rule"),
    [
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "out of memory"),
        (ResponseError("OOM command not allowed when used memory > 'maxmemory'."), "out of memory"),
        (ResponseError("MISCONF Redis is configured to save RDB snapshots"), "disk"),
        (ReadOnlyError("You can't write against a read only replica."), "replica"),
        (ResponseError("NOREPLICAS Not enough good replicas to write."), "replicas"),
        (BusyLoadingError("Redis is loading the dataset in memory"), "loading"),
        (NoPermissionError("this user has no permissions"), "NOPERM"),
        (ResponseError("WRONGTYPE Operation against a key"), "Redis refused: WRONGTYPE"),
    ],
)
def test_a_refusal_names_its_reason_and_when_to_try_again(error: RedisError, rule: str) -> None:
    refusal = refusal_of(error)
    assert rule in refusal.rule and refusal.rule.startswith("bus: ")
    assert refusal.retry_after_s >= 1
