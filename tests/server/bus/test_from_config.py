"""The bus that a configuration names, or why there is none: without a word that might be a password."""

import pytest

from server.bus.from_config import BadBus, bus_from
from server.config import BusConfig, Config
from server.testing.manual_clock import ManualClock


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hun/ter2@127.0.0.1/0",
        "redis://:hunter2@127.0.0.1:99999x/0",
        "redis://:hunter2@127.0.0.1/0?no_such_option=1",
        "nats://user:hun/ter2@127.0.0.1:x",
    ],
)
def test_a_url_that_cannot_be_read_is_refused_without_a_part_of_its_password(url: str) -> None:
    with pytest.raises(BadBus) as refused:
        bus_from(Config(bus=BusConfig(url=url)), ManualClock())
    assert str(refused.value).startswith("bus.url: cannot be read")
    assert "hun" not in str(refused.value)
