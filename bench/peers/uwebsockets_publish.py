"""µWebSockets, the C++ server, through socketify: its own topics, ``ws.subscribe`` and ``app.publish``.

Run as ``python -m bench.peers.uwebsockets_publish PORT`` by the Python of bench/.peers. Owns nothing: µWebSockets knows
who is subscribed. It corks what one turn of its loop publishes into one write per socket. The limit of 64 KiB behind
which it drops messages for a slow reader is its default, and named here because it decides what a stalled one costs.
No compression; no idle time-out, as subscribers have nothing to say.

socketify turns µWebSockets' loop from Python's, and polls it without a pause while there is traffic: where few
deliveries are asked of it, most of its CPU time is that.
"""

import json
import sys

from socketify import App, AppListenOptions, CompressOptions, OpCode, WebSocket

from bench.dialogue import PATH

__all__ = ["create_app", "main"]

_TOPIC = "bench:fan_out"
_SUBSCRIBED = '{"v":1,"topic":"system","type":"subscribed","data":{}}'


def create_app() -> App:
    """An application with one WebSocket route that subscribes, or publishes, by what the client sends."""
    app = App()

    def handle(socket: WebSocket, text: str, opcode: OpCode) -> None:
        if json.loads(text)["topic"] == "system":
            socket.subscribe(_TOPIC)
            socket.send(_SUBSCRIBED, OpCode.TEXT)
        else:
            app.publish(_TOPIC, text, OpCode.TEXT)

    behaviour = {
        "compression": CompressOptions.DISABLED,
        "max_backpressure": 64 * 1024,
        "idle_timeout": 0,
        "message": handle,
    }
    app.ws(PATH, behaviour)
    return app


def main() -> None:
    """Serve on 127.0.0.1 at the port in ``sys.argv[1]`` until a signal ends the process."""
    app = create_app()
    app.listen(AppListenOptions(port=int(sys.argv[1]), host="127.0.0.1"))
    app.run()


if __name__ == "__main__":
    main()
