"""What a crowd's subscribers have received: parsed, compared, and timed. Owns no socket's reading or writing."""

import json
import socket
import time
from collections.abc import Iterator, Sequence
from typing import Any

from wire import CLOSE, TEXT

__all__ = ["Member", "SharedStream", "entries_of", "spread", "whole_frames"]

NO_PHASE = ""


def whole_frames(stream: bytes | bytearray, start: int = 0) -> Iterator[tuple[int, bytes, int]]:
    """The frames of ``stream`` from ``start`` on as (opcode, payload, where it ends); a begun one is left out."""
    at = start
    while at + 2 <= len(stream):
        size, head = stream[at + 1] & 0x7F, 2
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(stream[at + 2 : at + head])
        if at + head + size > len(stream):
            return
        yield stream[at] & 0x0F, bytes(stream[at + head : at + head + size]), at + head + size
        at += head + size


class Member:
    """One subscriber. ``stream`` is what came after the answer to its subscription; in ``alike`` it is shared."""

    __slots__ = ("ended", "position", "seen", "socket", "strays", "stream")

    def __init__(self, connection: socket.socket, stream: bytearray) -> None:
        self.socket = connection
        self.stream = stream
        self.position = 0
        self.seen = 0
        self.strays: str | None = None
        self.ended: str | None = None


class SharedStream:
    """The longest stream so far, with the end of each message in it and when it was sent."""

    def __init__(self) -> None:
        self.stream = bytearray()
        self.ends: list[int] = []
        self.sent: list[float] = []
        self.latencies: dict[str, list[float]] = {}
        self.phase = NO_PHASE
        self._parsed = 0

    def take(self, member: Member, chunk: memoryview) -> None:
        """Hold ``chunk`` against what others got in this place, and note how late each whole message is."""
        end = member.position + len(chunk)
        known = min(len(self.stream), end) - member.position
        expected = self.stream[member.position : member.position + known]
        if member.strays is None and expected != chunk[:known]:
            member.strays = _difference(member.position, expected, bytes(chunk[:known]))
        if member.strays is not None:
            return
        if known < len(chunk):
            self.stream += chunk[known:]
            self._parse()
        member.position = end
        self._time(member)

    def _parse(self) -> None:
        for opcode, payload, end in whole_frames(self.stream, self._parsed):
            self._parsed = end
            if opcode == TEXT:
                self.ends.append(end)
                self.sent.append(_sent_at(payload, self.stream))

    def _time(self, member: Member) -> None:
        now, seen, ends = time.monotonic(), member.seen, self.ends
        latencies = self.latencies.setdefault(self.phase, [])
        while seen < len(ends) and ends[seen] <= member.position:
            latencies.append(now - self.sent[seen])
            seen += 1
        member.seen = seen


def entries_of(stream: bytes | bytearray) -> list[list[Any]]:
    """What a test wants of each frame: [n, seq, prev], ["gap", its data] or ["close", code]."""
    entries: list[list[Any]] = []
    for opcode, payload, _ in whole_frames(stream):
        if opcode == CLOSE:
            entries.append(["close", int.from_bytes(payload[:2])])
        elif opcode == TEXT:
            message = json.loads(payload)
            data = message["data"]
            is_gap = message["type"] == "gap"
            entries.append(["gap", data] if is_gap else [data["n"], message["seq"], message["prev"]])
    return entries


def spread(values: Sequence[float]) -> dict[str, float]:
    """How many values there are, the middle one, and the one that a hundredth of them exceeds."""
    ordered = sorted(values)
    return {"count": len(ordered), "p50": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100]}


def _sent_at(payload: bytes, stream: bytearray) -> float:
    try:
        return float(json.loads(payload)["data"]["at"])
    except (ValueError, KeyError) as flaw:
        raise SystemExit(
            f"{flaw!r} in a frame of {len(payload)} bytes, {payload!r}; the last: {stream[-3000:]!r}"
        ) from None


def _difference(position: int, expected: bytes | bytearray, chunk: bytes) -> str:
    at = next(index for index, pair in enumerate(zip(expected, chunk, strict=True)) if pair[0] != pair[1])
    around = slice(max(0, at - 60), at + 60)
    return f"at byte {position + at}: {bytes(expected[around])!r}, and here {chunk[around]!r}"
