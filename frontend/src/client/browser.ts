/** The environment that a browser is: its clock, its events, its storage. Also that of Node, where the globals are there. */

import type { Clock, Environment, Page, PageEvent, SessionMemory } from "./environment.js";
import { webSocketTransport } from "./websocket_transport.js";

const MEMORY_KEY = "fanwire.transport";

const clock: Clock = {
  now: () => Date.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

// Chromium says `resume` when it thaws a frozen tab, which no change of visibility tells.
const DOCUMENT_EVENTS: Record<string, () => PageEvent> = {
  visibilitychange: () => (document.hidden ? "hidden" : "visible"),
  resume: () => "visible",
};
const WINDOW_EVENTS: Record<string, PageEvent> = {
  online: "online",
  offline: "offline",
  pagehide: "left",
  pageshow: "restored",
};

const page: Page = {
  isOnline: () => globalThis.navigator?.onLine !== false,
  listen: (handler) => {
    if (typeof document === "undefined") return () => {};
    const ended = new AbortController();
    const options = { signal: ended.signal };
    for (const [name, event] of Object.entries(WINDOW_EVENTS)) addEventListener(name, () => handler(event), options);
    for (const [name, event] of Object.entries(DOCUMENT_EVENTS)) {
      document.addEventListener(name, () => handler(event()), options);
    }
    return () => ended.abort();
  },
};

const memory: SessionMemory = {
  read: () => inStorage((storage) => storage.getItem(MEMORY_KEY)),
  write: (value) =>
    void inStorage((storage) => (value === null ? storage.removeItem(MEMORY_KEY) : storage.setItem(MEMORY_KEY, value))),
};

/** Null where there is no storage, or where the page may not have it (a sandboxed frame). */
function inStorage<Value>(use: (storage: Storage) => Value): Value | null {
  try {
    return use(sessionStorage);
  } catch {
    // What is remembered only saves two tries: a page without storage is no worse a page.
    return null;
  }
}

// crypto.randomUUID is there on https and localhost only; a page may well be read over plain http.
function uuid(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function report(error: unknown): void {
  if (typeof reportError === "function") reportError(error);
  else console.error(error);
}

export function browserEnvironment(): Environment {
  return {
    clock,
    page,
    memory,
    random: Math.random,
    uuid,
    report,
    openWebSocket: (request, listener) => webSocketTransport(WebSocket)(request, listener),
    loadEventStream: () => import("../sse/event_stream.js").then(({ openEventStream }) => openEventStream),
  };
}
