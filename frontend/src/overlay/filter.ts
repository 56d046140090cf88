/** The filter field: words as they stand, or a `/regular expression/`. Pure. */

export type Filter = (haystack: string) => boolean;

export type Reading =
  | { readonly filter: Filter; readonly flaw: null }
  /** Not a regular expression, or not yet: whoever types goes on with the filter there was. */
  | { readonly filter: null; readonly flaw: string };

export const EVERYTHING: Filter = () => true;

/** `text` in plain words is found in any case; between slashes it is a regular expression, with flags behind the second one. */
export function readFilter(text: string): Reading {
  const wanted = text.trim();
  if (wanted === "") return { filter: EVERYTHING, flaw: null };
  const slashed = /^\/(.+)\/([a-z]*)$/s.exec(wanted);
  if (slashed !== null) return readExpression(slashed[1] ?? "", slashed[2] ?? "");
  const lower = wanted.toLowerCase();
  return { filter: (haystack) => haystack.toLowerCase().includes(lower), flaw: null };
}

function readExpression(source: string, flags: string): Reading {
  try {
    const expression = new RegExp(source, flags);
    // Not `test`, which with the flags g and y goes on from where the last one ended.
    return { filter: (haystack) => haystack.search(expression) >= 0, flaw: null };
  } catch (error) {
    return { filter: null, flaw: (error as SyntaxError).message };
  }
}
