"""The ``websockets`` library with its ``broadcast()``, which writes to each socket without waiting for any.

Run as ``python -m bench.peers.websockets_broadcast PORT``. Owns the set of subscribers. Compression is off,
as it is for every server of the comparison.
"""

import asyncio
import json
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.typing import Subprotocol

from bench.dialogue import SUBPROTOCOL

__all__ = ["main"]


async def _serve(port: int) -> None:
    subscribers: set[ServerConnection] = set()

    async def client(socket: ServerConnection) -> None:
        try:
            async for message in socket:
                text = str(message)
                if json.loads(text)["topic"] == "system":
                    subscribers.add(socket)
                    await socket.send('{"v":1,"topic":"system","type":"subscribed","data":{}}')
                else:
                    broadcast(subscribers, text)
        finally:
            subscribers.discard(socket)

    # No keepalive pings: of the peers, none has that work.
    subprotocols = [Subprotocol(SUBPROTOCOL)]
    async with serve(client, "127.0.0.1", port, subprotocols=subprotocols, compression=None, ping_interval=None):
        await asyncio.get_running_loop().create_future()


def main() -> None:
    """Serve on 127.0.0.1 at the port in ``sys.argv[1]`` until a signal ends the process."""
    asyncio.run(_serve(int(sys.argv[1])))


if __name__ == "__main__":
    main()
