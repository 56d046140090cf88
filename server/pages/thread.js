// thread:demo as a page of text: runs stream in word by word, other messages stand as what they are.

const ENTRIES_KEPT = 60;
const NEAR_END_PX = 80;

const GAP_REASONS = {
  history: "What was said before is no longer kept, or too much for one mailbox; live from here.",
  overflow: "This tab was too slow: some messages are missing here.",
  chain: "Some messages are missing here.",
};

export class Thread {
  constructor(list, scroll, empty, count) {
    Object.assign(this, { list, scroll, empty, count, shown: 0, streams: new Map() });
  }

  show(envelope) {
    const wasAtEnd = this.isAtEnd();
    this.empty.hidden = true;
    this.shown += 1;
    this.count.textContent = this.shown === 1 ? "1 message" : `${this.shown} messages`;
    this.render(envelope);
    while (this.list.childElementCount > ENTRIES_KEPT) this.list.firstElementChild.remove();
    if (wasAtEnd) this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  showGap({ reason }) {
    this.empty.hidden = true;
    this.append("gap", [["body", GAP_REASONS[reason] ?? `Some messages are missing here: ${reason}`]]);
  }

  // A publisher may put anything into data: what a run does not have is simply not shown.
  render({ type, data, ts }) {
    const fields = data !== null && typeof data === "object" ? data : {};
    switch (type) {
      case "run_started":
        return this.append("run", [["type", type], ["body", `${fields.agent ?? "an agent"}, ${clock(ts)}`]]);
      case "thread_message_created":
        if (typeof fields.message_id === "string") return void this.stream(fields.message_id);
        break;
      case "stream_chunk":
        if (typeof fields.text === "string") return this.write(String(fields.message_id), fields.text);
        break;
      case "run_finished":
        return this.finish(type, fields, ts);
    }
    return this.append("said", [["type", type], ["body", typeof fields.text === "string" ? fields.text : JSON.stringify(data)]]);
  }

  stream(messageId) {
    const words = document.createElement("p");
    words.className = "words streaming";
    // A text node that grows by appendData costs its new words and not the whole text again.
    words.append(document.createTextNode(""));
    this.list.append(words);
    this.streams.set(messageId, words);
    return words;
  }

  write(messageId, text) {
    const words = this.streams.get(messageId) ?? this.stream(messageId);
    words.firstChild.appendData(text);
  }

  finish(type, fields, ts) {
    for (const words of this.streams.values()) words.classList.remove("streaming");
    this.streams.clear();
    const facts = [fields.words && `${fields.words} words`, fields.seconds && `${Number(fields.seconds).toFixed(1)} s`];
    this.append("", [["type", type], ["body", [...facts, clock(ts)].filter(Boolean).join(", ")]]);
  }

  append(className, parts) {
    const entry = document.createElement("div");
    entry.className = `event ${className}`.trim();
    for (const [name, text] of parts) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      entry.append(part);
    }
    this.list.append(entry);
  }

  // Who has scrolled up to read must not be pulled down by every word.
  isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroll;
    return scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
  }
}

function clock(ts) {
  return new Date(ts * 1000).toLocaleTimeString();
}
