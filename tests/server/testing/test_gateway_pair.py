"""Two workers on one bus; without a redis-server, a failure that says what to install."""

import pytest

from server.testing import gateway_pair
from server.testing.redis_process import RedisProcess


def test_a_missing_redis_server_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FileNotFoundError, match=r"apt-get install .*redis-server; and pip install 'fanwire.redis.'"):
        RedisProcess()
    assert callable(gateway_pair)
