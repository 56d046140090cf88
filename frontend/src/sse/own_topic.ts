/** The topic that every connection has unasked, `user:<sub>`: a stream's cursor has to name it. Pure. */

import { TOPIC_RULE } from "../wire.js";

/** Null where the user's name makes no topic's name. `token` null: nobody needs one, and everybody is `anonymous`. */
export function ownTopic(token: string | null): string | null {
  const topic = `user:${token === null ? "anonymous" : subjectOf(token)}`;
  return TOPIC_RULE.test(topic) ? topic : null;
}

function subjectOf(token: string): string {
  try {
    const payload = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
    return String(JSON.parse(new TextDecoder().decode(bytes)).sub);
  } catch {
    // No token of ours: the gateway will say so, and it is the one to judge.
    return " ";
  }
}
