/** Publishes one message as a backend would, and shows the gateway's answer as it came. */

import { authorization } from "../page/access.js";
import { setText } from "../page/element.js";

export interface PublishParts {
  readonly form: HTMLFormElement;
  readonly topic: HTMLInputElement;
  readonly type: HTMLInputElement;
  readonly data: HTMLTextAreaElement;
  readonly answer: HTMLElement;
}

/** The body of the request; an empty payload is none. Throws: SyntaxError where `data` is not JSON. Pure. */
export function bodyOf(topic: string, type: string, data: string): string {
  const fields = { topic: topic.trim(), type: type.trim() };
  return JSON.stringify(data.trim() === "" ? fields : { ...fields, data: JSON.parse(data) });
}

export function listenToPublish({ form, topic, type, data, answer }: PublishParts, token: () => string | null): void {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [isGood, text] = await outcome(() => bodyOf(topic.value, type.value, data.value), token());
    answer.dataset.state = isGood ? "good" : "bad";
    setText(answer, text);
  });
}

async function outcome(body: () => string, token: string | null): Promise<[boolean, string]> {
  try {
    const headers = { "Content-Type": "application/json", ...authorization(token) };
    const answer = await fetch("/api/publish", { method: "POST", body: body(), headers });
    return [answer.ok, `${answer.status} ${await answer.text()}`];
  } catch (error) {
    return [false, error instanceof SyntaxError ? `data is not JSON: ${error.message}` : String(error)];
  }
}
