/** The door to the debug overlay, which is a file of its own: nothing of it is loaded before it is first opened. */

import type { DebugOverlay, Watched } from "../overlay/overlay.js";

export interface Debug {
  /** Loads the overlay, the first time; rejects where that fails. */
  open(): Promise<void>;
  close(): Promise<void>;
  toggle(): Promise<void>;
}

export interface DebugDoor extends Debug {
  /** Ctrl+Shift+D toggles from now on; an address with `fanwire_debug` in its query or fragment opens at once. */
  enable(): void;
}

// The key that says D; where the layout has no Latin letters, the one that sits in its place.
const D = /^d |^[^a-z].* KeyD$/i;
const FLAG = /[?&#]fanwire_debug\b/;

export function debugDoor(
  watched: Watched,
  load = () => import("../overlay/overlay.js").then(({ openable }) => openable(watched)),
): DebugDoor {
  let overlay: Promise<DebugOverlay> | undefined;
  const loaded = () => {
    overlay ??= load();
    return overlay;
  };
  const open = async () => (await loaded()).open();
  const toggle = async () => (await loaded()).toggle();
  // One function for ever: enabled twice, it is called once. Before the page's own handlers: browsers bookmark on this key.
  const pressed = (event: KeyboardEvent) => {
    if (!event.ctrlKey || !event.shiftKey || !D.test(`${event.key} ${event.code}`)) return;
    event.preventDefault();
    if (!event.repeat) toggle();
  };
  return {
    open,
    toggle,
    close: async () => (await overlay)?.close(),
    enable() {
      addEventListener("keydown", pressed, true);
      if (FLAG.test(location.href)) open();
    },
  };
}
