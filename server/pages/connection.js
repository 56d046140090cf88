// One WebSocket to the gateway, made again when it is lost; owns the position of every topic and resumes from it.

const SUBPROTOCOL = "fanwire.v1";
const BASE_MS = 500;
const FIRST_MS = 250;
const CEILING_MS = 20000;
const LASTED_MS = 5000;
// 44xx: somebody has to change something first. The others of the table are worth another try.
const FINAL_CODES = new Map([
  [1000, "the gateway is done"],
  [1009, "a frame was too big"],
  [4400, "protocol violation"],
  [4401, "the token is missing or no longer good: open the URL that the gateway printed"],
  [4403, "this page's origin is not allowed"],
]);

// `topics`: name -> where to begin (null = now, "earliest", or a seq).
// `onState({state, detail})`, `onMessage(envelope)`, `onGap({topic, from, to, reason})`.
export function connect(options) {
  const session = new Session(options);
  session.open();
  return session;
}

// Full jitter: a crowd that lost its gateway together must not come back together.
export function backOffMs(attempt, random) {
  const window = Math.min(CEILING_MS, BASE_MS * 2 ** Math.min(attempt, 16));
  return Math.min(CEILING_MS, FIRST_MS + random * window);
}

class Session {
  constructor({ url, token, topics, onState, onMessage, onGap }) {
    this.url = url;
    this.protocols = token ? [SUBPROTOCOL, `fanwire.token.${token}`] : [SUBPROTOCOL];
    this.since = new Map(Object.entries(topics));
    this.lastIds = new Map();
    this.broken = new Set();
    this.attempt = 0;
    this.due = null;
    Object.assign(this, { onState, onMessage, onGap });
  }

  open() {
    this.onState({ state: "connecting", detail: "" });
    this.due = null;
    this.broken.clear();
    this.heartbeatMs = 30000;
    this.socket = new WebSocket(this.url, this.protocols);
    this.socket.onmessage = ({ data }) => this.take(JSON.parse(data));
    this.socket.onopen = () => { this.opened = performance.now(); this.subscribe(); };
    this.socket.onclose = ({ code, reason }) => this.closed(code, reason);
  }

  subscribe() {
    const topics = {};
    for (const [topic, since] of this.since) topics[topic] = since === null ? {} : { since };
    this.send("subscribe", { topics });
    this.heard();
  }

  send(type, data) {
    this.socket.send(JSON.stringify({ v: 1, id: uuid4(), topic: "system", type, data }));
  }

  // A connection that has died without a close is noticed by the pings that do not come.
  heard() {
    clearTimeout(this.silence);
    const { socket } = this;
    this.silence = setTimeout(() => {
      socket.onclose = null;
      socket.onmessage = null;
      socket.close();
      this.closed(4408, "");
    }, 2 * this.heartbeatMs);
  }

  take(frame) {
    this.heard();
    if (frame.topic !== "system") return this.takeMessage(frame);
    const { data } = frame;
    switch (frame.type) {
      case "hello": this.heartbeatMs = data.heartbeat_s * 1000; break;
      case "subscribed": this.takeSubscribed(data); break;
      case "ping": this.send("pong", { seen: Object.fromEntries(this.lastIds) }); break;
      case "gap": this.broken.add(data.topic); this.onGap(data); break;
      case "reconnect": this.due = performance.now() + data.after_ms; break;
      case "error": this.onState({ state: "connected", detail: data.message }); break;
    }
  }

  takeSubscribed({ topics, refused }) {
    for (const [topic, joined] of Object.entries(topics)) {
      // While a replay is still on its way, the position is that of what has been shown.
      if (!joined.replayed) this.since.set(topic, joined.seq);
    }
    const reasons = Object.entries(refused).map(([topic, { message }]) => `${topic} refused: ${message}`);
    this.onState({ state: "connected", detail: reasons.join("; ") });
  }

  takeMessage(envelope) {
    const { topic, seq, prev } = envelope;
    if (!this.since.has(topic)) return;
    const last = this.since.get(topic);
    if (typeof last === "number") {
      if (seq <= last) return;
      if (prev !== last && !this.broken.has(topic)) this.onGap({ topic, from: last, to: seq, reason: "chain" });
    }
    this.broken.delete(topic);
    this.onMessage(envelope);
    // Only now: what the page failed to show is asked for again.
    this.since.set(topic, seq);
    this.lastIds.set(topic, envelope.id);
  }

  closed(code, reason) {
    clearTimeout(this.silence);
    if (FINAL_CODES.has(code)) {
      this.onState({ state: "closed", detail: `${FINAL_CODES.get(code)} (${code})` });
      return;
    }
    if (this.opened !== undefined && performance.now() - this.opened >= LASTED_MS) this.attempt = 0;
    this.opened = undefined;
    const delayMs = this.delayMs(code, reason);
    this.attempt += 1;
    this.onState({ state: "waiting", detail: `back in ${(delayMs / 1000).toFixed(1)} s` });
    setTimeout(() => this.open(), delayMs);
  }

  delayMs(code, reason) {
    // A draining gateway said when: that moment has mostly come when it closes.
    if (this.due !== null) return Math.max(0, this.due - performance.now());
    const jitterMs = backOffMs(this.attempt, Math.random());
    if ((code === 4509 || code === 4510) && this.attempt === 0) return 0;
    const advertised = code === 4429 ? /retry_after=(\d{1,6})/.exec(reason) : null;
    return jitterMs + (advertised ? Number(advertised[1]) * 1000 : 0);
  }
}

// crypto.randomUUID exists on https and localhost only; this page may be read over plain http as well.
function uuid4() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
