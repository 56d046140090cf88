/** Takes secrets out of a text before anybody keeps it. Pure; works on text that was cut off in the middle. */

// A value that never ends is one that the cut went through: it goes as well.
// Lists and objects go up to their first closing bracket; numbers stay: models count tokens.
const VALUE = String.raw`(?:"(?:[^"\\]|\\.)*(?:"|\\?$)|[[{][^\]}]*[\]}]?)`;
const SECRET_FIELD = new RegExp(
  String.raw`("[^"\\]*(?:token|secret|password|passwd|authorization|cookie|credential|api[_-]?key)[^"\\]*"\s*:\s*)${VALUE}`,
  "gi",
);
// A token by its looks, wherever it stands: three parts in base64url, of which the first begins with `{"`.
const JWT = /\beyJ[\w-]{4,}\.[\w-]*(?:\.[\w-]*)?/g;

/** `text` with the values of tell-tale fields, and everything that looks like a JWT, replaced. */
export function redacted(text: string): string {
  return text.replace(SECRET_FIELD, '$1"[redacted]"').replace(JWT, "[redacted]");
}
