/**
 * Socket.IO: a room per topic and `io.to(room).emit`, over WebSocket from the start, as clients with
 * `transports: ["websocket"]` connect.
 *
 * Run as `node socketio_room.mjs PORT`. Owns nothing: Socket.IO knows who is in which room. The load generator speaks its
 * wire protocol (Engine.IO 4; bench/dialects.py), and says in the CONNECT packet's auth which topics it wants. An emit is
 * encoded once for its room; what a socket does not take is kept by ws below, without a bound. Compression is off, as
 * Socket.IO has it since version 3, and the heartbeat, which is in messages, is put off.
 */
import { Server } from "socket.io";

const NO_HEARTBEAT_MS = 24 * 3600 * 1000;

const io = new Server({ serveClient: false, pingInterval: NO_HEARTBEAT_MS });

io.on("connection", (socket) => {
  socket.join(socket.handshake.auth.topics);
  socket.on("publish", (message) => io.to(message.topic).emit("message", message));
  socket.emit("subscribed");
});

io.listen(Number(process.argv[2]));
