/** A subscriber's place in a topic's chain: what is new, what came before, and what is missing in between. Pure. */

export interface Place {
  /** The `seq` of the last message handled, or where the subscription began; null before anything is known. */
  readonly seq: number | null;
  /** A gap has been told since: what the next message's `prev` says is no news. */
  readonly gapTold: boolean;
}

export type Step =
  | { readonly kind: "duplicate" }
  /** `missed`: the chain is broken here and nobody has said so. */
  | { readonly kind: "next"; readonly missed: { readonly from: number; readonly to: number } | null };

export const NOWHERE: Place = { seq: null, gapTold: false };

/** What a message at `seq` whose predecessor is `prev` is to a subscriber at `place`. */
export function stepTo(place: Place, seq: number, prev: number): Step {
  if (place.seq === null || place.gapTold)
    return isOld(place, seq) ? { kind: "duplicate" } : { kind: "next", missed: null };
  if (isOld(place, seq)) return { kind: "duplicate" };
  return { kind: "next", missed: prev === place.seq ? null : { from: place.seq, to: seq } };
}

function isOld(place: Place, seq: number): boolean {
  return place.seq !== null && seq <= place.seq;
}

/** The place after the message at `seq` has been handled, or after a subscription was told that it begins there. */
export function placeAt(seq: number): Place {
  return { seq, gapTold: false };
}

/** The place after the gateway has told of a gap: still the same, but what follows need not be its successor. */
export function afterGap(place: Place): Place {
  return { seq: place.seq, gapTold: true };
}
