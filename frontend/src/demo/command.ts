/** The one command that shows a first message, ready to be copied. */

import { found, setText } from "../page/element.js";

const SHOWN_MS = 1_500;

/** For a shell; a token only where there is one. Pure. */
export function commandFor(origin: string, token: string | null): string {
  const message = JSON.stringify({ topic: "thread:demo", type: "hello", data: { text: "hi" } });
  const authorization = token === null ? "" : ` -H 'Authorization: Bearer ${token}'`;
  return `curl -X POST ${origin}/api/publish${authorization} -d '${message}'`;
}

export function showCommand(token: string | null): void {
  const command = found("command", HTMLElement);
  const button = found("copy", HTMLButtonElement);
  setText(command, commandFor(location.origin, token));
  button.addEventListener("click", async () => {
    setText(button, await copied(command));
    setTimeout(() => setText(button, "Copy"), SHOWN_MS);
  });
}

async function copied(command: HTMLElement): Promise<string> {
  try {
    await navigator.clipboard.writeText(command.textContent);
    return "Copied";
  } catch {
    // Without the permission the next best thing is to have it selected, ready for Ctrl+C.
    getSelection()?.selectAllChildren(command);
    return "Selected";
  }
}
