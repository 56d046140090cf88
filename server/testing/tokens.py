"""Tokens for tests, and the settings of a gateway that takes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from server.auth import issue_token

__all__ = ["SECRET", "WITH_TOKENS", "token_for"]

SECRET = "a secret of the tests, long enough for HS256"  # noqa: S105 - of tests, and public for them
# The settings of a gateway that takes the tokens of ``token_for``.
WITH_TOKENS: Mapping[str, object] = {"auth.mode": "jwt", "auth.secret": SECRET}


def token_for(
    sub: str = "ada",
    subscribe: Sequence[str] = (),
    publish: Sequence[str] = (),
    *,
    ttl_s: float = 60.0,
    **claims: Any,
) -> str:
    """A token that a gateway with ``WITH_TOKENS`` takes; ``claims`` as in ``server.auth.issue_token``.

    As in production, whoever names nothing may subscribe to ``user:<sub>`` alone, and publish nothing.
    """
    return issue_token(SECRET.encode(), sub=sub, subscribe=subscribe, publish=publish, ttl_s=ttl_s, **claims)
