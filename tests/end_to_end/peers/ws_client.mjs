// A WebSocket client driven by JSON lines: `node ws_client.mjs '{"url", "protocols", "headers"}'`.
//
// stdin:  {"send": object} | {"text": string} | {"binary": base64} | {"ping": true} | {"close": code, "reason": string}
//         | {"read": false} (stop reading from the socket: a slow consumer) | {"read": true}
// stdout: {"event": "open", "protocol"} | {"event": "frame", "text"} | {"event": "binary", "base64"} | {"event": "pong"}
//         | {"event": "close", "code", "reason"} | {"event": "error", "message"}
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

// The npm packages of the tests live in frontend/, which node does not search from here.
const require = createRequire(new URL("../../../frontend/package.json", import.meta.url));
const WebSocket = require("ws");

const { url, protocols, headers } = JSON.parse(process.argv[2]);
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const socket = new WebSocket(url, protocols, { headers, perMessageDeflate: false });

socket.on("open", () => say({ event: "open", protocol: socket.protocol }));
socket.on("pong", () => say({ event: "pong" }));
socket.on("error", (error) => say({ event: "error", message: error.message }));
socket.on("message", (data, isBinary) =>
  say(isBinary ? { event: "binary", base64: data.toString("base64") } : { event: "frame", text: data.toString() }),
);
socket.on("close", (code, reason) => {
  say({ event: "close", code, reason: reason.toString() });
  input.close();
});

function obey(command) {
  if ("send" in command) socket.send(JSON.stringify(command.send));
  else if ("text" in command) socket.send(command.text);
  else if ("binary" in command) socket.send(Buffer.from(command.binary, "base64"));
  else if ("ping" in command) socket.ping();
  else if ("close" in command) socket.close(command.close, command.reason);
  else if ("read" in command) command.read ? socket.resume() : socket.pause();
  else throw new Error(`unknown command ${JSON.stringify(command)}`);
}

const input = createInterface({ input: process.stdin });
input.on("line", (line) => obey(JSON.parse(line)));
// A test that goes away closes stdin: end without a close frame, as a killed tab does.
input.on("close", () => socket.terminate());
