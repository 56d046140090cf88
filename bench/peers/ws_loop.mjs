/**
 * ws, the WebSocket library of Node: a loop of `send` over the subscribers, as its own documentation broadcasts.
 *
 * Run as `node ws_loop.mjs PORT`. Owns the set of subscribers. A text is passed on as the Buffer it came as. `send` never
 * waits: what a socket does not take grows `bufferedAmount`, without a bound. ws does not compress and does not ping
 * unless it is told to; its optional native add-ons are not installed.
 */
import { WebSocket, WebSocketServer } from "ws";

const SUBSCRIBED = '{"v":1,"topic":"system","type":"subscribed","data":{}}';

/** @type {Set<WebSocket>} */
const subscribers = new Set();

/** @param {Buffer} text */
function broadcast(text) {
  for (const subscriber of subscribers) {
    if (subscriber.readyState === WebSocket.OPEN) subscriber.send(text, { binary: false });
  }
}

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) });

server.on("connection", (socket) => {
  socket.on("message", (/** @type {Buffer} */ text) => {
    if (JSON.parse(text.toString()).topic !== "system") {
      broadcast(text);
      return;
    }
    subscribers.add(socket);
    socket.send(SUBSCRIBED);
  });
  socket.on("close", () => subscribers.delete(socket));
});
