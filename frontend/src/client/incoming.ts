/** A text from the gateway, taken apart: a message of a topic, a control frame, or something that is neither. Pure. */

import { type Envelope, type FromGateway, SYSTEM } from "../wire.js";

/** Any frame on topic `system`, told apart by its `type`. */
export type ControlFrame = {
  [Kind in keyof FromGateway]: {
    readonly topic: typeof SYSTEM;
    readonly type: Kind;
    readonly id: string;
    readonly ts: number;
    readonly data: FromGateway[Kind];
    readonly re?: string;
  };
}[keyof FromGateway];

export type Incoming =
  | { readonly kind: "control"; readonly frame: ControlFrame }
  | { readonly kind: "message"; readonly message: Envelope }
  | { readonly kind: "broken"; readonly flaw: string };

/** Whatever follows the protocol is trusted to the letter: the gateway is the only one who writes here. */
export function decode(text: string): Incoming {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "broken", flaw: "not JSON" };
  }
  if (!isEnvelope(value)) return { kind: "broken", flaw: "not an envelope" };
  if (value.topic === SYSTEM) return { kind: "control", frame: value as unknown as ControlFrame };
  if (typeof value.seq !== "number" || typeof value.prev !== "number")
    return { kind: "broken", flaw: "without position" };
  return { kind: "message", message: value };
}

function isEnvelope(value: unknown): value is Envelope {
  const fields = value as Partial<Envelope> | null;
  return (
    typeof fields === "object" && fields !== null && typeof fields.topic === "string" && typeof fields.type === "string"
  );
}

/** What it says of itself, whatever kind it is. */
export function fieldsOf(incoming: Incoming): ControlFrame | Envelope | null {
  if (incoming.kind === "broken") return null;
  return incoming.kind === "control" ? incoming.frame : incoming.message;
}
