"""A network that drops, doubles and reorders live messages on their way from a store, by a seed."""

import random
import re

__all__ = ["Garbler"]


class Garbler:
    """Changes only messages that are whole and at the beginning of a chunk; ``live`` is that of a ``Store``."""

    def __init__(self, live: re.Pattern[bytes], seed: int) -> None:
        self._live = live
        self._random = random.Random(seed)
        self._kept = b""
        self.changed = 0

    def __call__(self, chunk: bytes) -> bytes:
        out, rest = b"", chunk
        while (found := self._live.match(rest)) is not None:
            end = found.end() + int(found.group(1)) + 2
            if end > len(rest):
                break
            out += self._garbled(rest[:end])
            rest = rest[end:]
        return out + rest

    def _garbled(self, message: bytes) -> bytes:
        chance = self._random.random()
        if chance > 0.3:
            kept, self._kept = self._kept, b""
            return message + kept
        self.changed += 1
        if chance < 0.1:
            return b""
        if chance < 0.2:
            return message + message
        kept, self._kept = self._kept, message
        return kept
