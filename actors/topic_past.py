"""A topic's past, as the bus has it, becomes the history that the topic's actor serves from."""

from actors.delivery import Delivery
from actors.history import History
from actors.ports import Clock, Past, Top
from actors.topic_state import TopicState

__all__ = ["load_into"]


def load_into(state: TopicState, past: Past, clock: Clock) -> None:
    """Give ``state`` a history of ``past``, each message with the age that its ``ts`` says it has."""
    now, unix_now = clock.monotonic(), clock.time()
    before = Top(past.messages[0].prev) if past.messages else past.top
    history = History(max_messages=state.history.max_messages, ttl_s=state.history.ttl_s, top=before)
    for envelope in past.messages:
        delivery = Delivery(envelope, is_final=envelope.type in state.finals, received=now)
        history.append(delivery, now - max(0.0, unix_now - envelope.ts))
    history.expire(now)
    history.top, history.top_id = past.top
    state.history = history
    state.is_loaded = True
    state.deserted_at = now
