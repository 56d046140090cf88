#!/usr/bin/env python3
"""A Tornado application that has a Fanwire gateway in its own process, and publishes without HTTP in between.

    python examples/embedded_tornado.py --port 9000 --gateway-port 8080
    curl -X POST http://127.0.0.1:9000/orders -d '{"item": "tea"}'

The application and the gateway share one event loop and have a port each. Both end in order on SIGTERM and Ctrl+C.
"""

import argparse
import asyncio
import json
import signal
from itertools import count

from tornado.httpserver import HTTPServer
from tornado.web import Application, RequestHandler

from actors.ports import BusUnavailable
from server.app import Gateway
from server.config import AuthConfig, Config

__all__ = ["OrdersHandler", "main"]

DRAIN_S = 5.0


class OrdersHandler(RequestHandler):
    """The application's own work; whoever watches ``orders`` in a browser sees each order come in."""

    def initialize(self, gateway: Gateway, numbers: "count[int]") -> None:
        self._gateway = gateway
        self._numbers = numbers

    async def post(self) -> None:
        order = {"number": next(self._numbers), "item": json.loads(self.request.body)["item"]}
        try:
            placed = await self._gateway.publish("orders", "order_created", order)
        except BusUnavailable as full:
            # The gateway never queues without a bound: it says so, and so do we.
            self.set_header("Retry-After", str(full.retry_after_s))
            self.set_status(503)
            self.finish({"message": str(full)})
        else:
            self.finish({**order, "seq": placed.seq})


async def serve(port: int, gateway_port: int) -> None:
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    # Everybody may do everything, on this machine only; see docs/configuration.md for auth.mode "jwt".
    gateway = Gateway(Config(auth=AuthConfig(mode="disabled")), failed=ended.set)
    gateway.listen("127.0.0.1", gateway_port)
    application = HTTPServer(Application([("/orders", OrdersHandler, {"gateway": gateway, "numbers": count(1)})]))
    application.listen(port, "127.0.0.1")
    print(f"orders at http://127.0.0.1:{port}/orders, gateway at http://127.0.0.1:{gateway.port}", flush=True)
    await ended.wait()
    application.stop()
    await gateway.stop(DRAIN_S)


def main() -> None:
    parser = argparse.ArgumentParser(description="a Tornado application with a gateway in its process")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--gateway-port", type=int, default=8080)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.gateway_port))


if __name__ == "__main__":
    main()
