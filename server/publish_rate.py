"""How often one user may publish over HTTP. Owns a bounded table of token buckets, the last used kept."""

from collections import OrderedDict
from math import ceil

from actors.rate import TokenBucket

__all__ = ["MAX_USERS", "PublishRate"]

MAX_USERS = 10_000


class PublishRate:
    """``per_s`` messages a second of each user; ``None`` is no limit."""

    def __init__(self, per_s: float | None) -> None:
        self._per_s = per_s
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, user: str, messages: int, now: float) -> int | None:
        """``None`` where these may be published at ``now`` (monotonic seconds), else the seconds to wait."""
        if self._per_s is None:
            return None
        bucket = self._buckets.pop(user, None) or TokenBucket(self._per_s, now)
        self._buckets[user] = bucket
        if len(self._buckets) > MAX_USERS:
            self._buckets.popitem(last=False)
        return None if bucket.take(now, messages) else max(1, ceil(bucket.wait_s(messages)))
