/** Texts on their way out of the page: to the clipboard, or into a file. */

import { make } from "./elements.js";

/** Whether `text` is on the clipboard now. `inside`: where a field may stand for a moment, on pages that have no other way. */
export async function copyText(text: string, inside: ShadowRoot): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not on plain http, not in a frame that may not: the older way needs a selection instead of a permission.
    return copySelected(text, inside);
  }
}

function copySelected(text: string, inside: ShadowRoot): boolean {
  const focused = inside.activeElement as HTMLElement | null;
  const field = make("textarea", { class: "unseen", "aria-label": "To be copied" });
  field.value = text;
  inside.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return copied;
}

/** The browser saves `text` as a file called `name`. */
export function saveFile(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: "application/x-ndjson" }));
  make("a", { href: url, download: name }).click();
  // In a later turn: the download has begun by then, and the browser holds what it needs.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
