"""How much of a replay may wait in a client's mailbox at a time. Pure."""

from collections.abc import Sequence

from actors.backlog import Backlog
from actors.delivery import Delivery
from actors.lane import Lane
from actors.ports import Socket

__all__ = ["page_for"]


def page_for(
    lane: Lane, missed: Sequence[Delivery], backlog: Backlog, socket: Socket, max_messages: int, max_bytes: int
) -> Sequence[Delivery]:
    """The beginning of ``missed``, messages of ``lane``, that may wait now.

    Replays take half of the mailbox and share it, so that they neither push out what is live nor starve
    each other; however small its share of the bytes, one message of each may try. A mailbox at rest takes a
    message of any size, or its topic would be asked for it for ever.
    """
    behind, half = list(backlog.behind()), max_messages // 2
    share = max(1, half // len(behind)) - len(lane.entries)
    messages = min(share, half - sum(other.replays for other in backlog.lanes()))
    size = max_bytes // 2 // len(behind) - lane.bytes
    waiting, waiting_bytes = len(backlog), backlog.bytes + socket.unsent_bytes
    page: list[Delivery] = []
    for delivery in missed:
        is_first = not (page or lane.entries)
        at_rest = not (waiting or socket.blocked)
        messages, size = messages - 1, size - delivery.size
        waiting, waiting_bytes = waiting + 1, waiting_bytes + delivery.size
        fits = waiting <= max_messages and waiting_bytes <= max_bytes
        if not (at_rest or (fits and messages >= 0 and (size >= 0 or is_first))):
            break
        page.append(delivery)
    return page
