"""A client's mailbox for tests: every topic has the policy ``disconnect`` unless the test says otherwise."""

import time
from collections.abc import Mapping

from fake_socket import FakeSocket

from actors.client_mailbox import ClientMailbox
from actors.meter import Meter
from actors.protocol.envelope import TopicName
from actors.runtime.overflow import OverflowPolicy

__all__ = ["MAX_BYTES", "MAX_MESSAGES", "mailbox_of"]

MAX_MESSAGES = 6
MAX_BYTES = 1_500


def mailbox_of(
    socket: FakeSocket,
    policies: Mapping[str, OverflowPolicy] | None = None,
    *,
    max_messages: int = MAX_MESSAGES,
    max_bytes: int = MAX_BYTES,
    meter: Meter | None = None,
) -> ClientMailbox:
    configured = policies or {}

    def policy_of(topic: TopicName) -> OverflowPolicy:
        return configured.get(topic, OverflowPolicy.DISCONNECT)

    counts = Meter() if meter is None else meter
    bounds = {"max_messages": max_messages, "max_bytes": max_bytes, "max_topics": 4}
    return ClientMailbox(socket, policy_of, counts, time.monotonic, **bounds)
