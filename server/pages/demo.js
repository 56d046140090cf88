// The demo page: joins the connection to what is seen, and owns the badge, the command and the last trace id.
import { connect } from "./connection.js";
import { Thread } from "./thread.js";
import { Vitals } from "./vitals.js";

const element = (id) => document.getElementById(id);
// The fragment never leaves the browser: no server and no log sees the token.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const vitals = new Vitals(element("vitals"), element("figures"), element("vitals-empty"));
const thread = new Thread(element("thread"), element("scroll"), element("thread-empty"), element("thread-count"));

function showState({ state, detail }) {
  const badge = element("state");
  badge.dataset.state = state;
  badge.textContent = detail ? `${state}: ${detail}` : state;
}

function showMessage(envelope) {
  if (envelope.topic === "host:vitals") vitals.show(envelope);
  else if (envelope.topic === "thread:demo") thread.show(envelope);
  else return;
  // Vital signs come every second and would hide the id of what somebody has just published.
  if (envelope.topic !== "host:vitals") element("last-trace").textContent = envelope.id;
}

function showCommand() {
  const message = JSON.stringify({ topic: "thread:demo", type: "hello", data: { text: "hi" } });
  const authorization = token ? ` -H 'Authorization: Bearer ${token}'` : "";
  element("command").textContent = `curl -X POST ${location.origin}/api/publish${authorization} -d '${message}'`;
}

async function copyCommand() {
  const button = element("copy");
  try {
    await navigator.clipboard.writeText(element("command").textContent);
    button.textContent = "Copied";
  } catch {
    // Without the permission the next best thing is to have it selected, ready for Ctrl+C.
    getSelection().selectAllChildren(element("command"));
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

showCommand();
element("copy").addEventListener("click", copyCommand);
connect({
  url: `${location.origin.replace(/^http/, "ws")}/api/ws`,
  token,
  topics: { "host:vitals": null, "thread:demo": "earliest" },
  onState: showState,
  onMessage: showMessage,
  onGap: (gap) => gap.topic === "thread:demo" && thread.showGap(gap),
});
