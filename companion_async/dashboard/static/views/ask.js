// A talk with the companion: answers as they come, with the sources that they rest on.

import { empty, h, say } from "../dom.js";
import { span } from "../format.js";
import { streamed } from "../server.js";

export const title = "Ask";
export const lead = "Every answer names its sources, or says that it found none.";

const EXAMPLES = ["How do I read the members of a zip file?", "How do I run a function in another thread from asyncio?", "How do I parse command line arguments?"];
const conversation = `page-${Date.now().toString(36)}-${Math.floor(Math.random() * 1e9).toString(36)}`;
// The talk outlives the view, so that looking at the task stream meanwhile loses nothing.
const talk = h("div", { class: "talk", role: "log", "aria-label": "The talk", "aria-live": "polite" });
let running = null;

export function mount(root, { brain }) {
  const question = h("textarea", { rows: "2", maxlength: "20000", placeholder: "Ask something", "aria-label": "Your question", "data-filter": true });
  const send = h("button", { class: "first" }, "Ask");
  const stop = h("button", { type: "button", onclick: () => running?.abort(), hidden: true }, "Stop");
  const first = h("div", { class: "examples" }, h("p", { class: "muted" }, "For example:"), EXAMPLES.map((text) => h("button", { type: "button", onclick: () => ask(text) }, text)));
  const form = h("form", { class: "question", onsubmit: (event) => { event.preventDefault(); ask(question.value); } }, question, h("div", { class: "row" }, send, stop));
  question.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); ask(question.value); }
  });
  const forbidden = empty("Reading only", "Asking makes the brain work, so it is for operators. Sign in with the operator's token to ask.");
  root.append(talk, first, form, forbidden);

  async function ask(text) {
    text = text.trim();
    if (!text || running) return;
    question.value = "";
    running = new AbortController();
    sync();
    const answer = h("div", { class: "answer panel" }, h("p", { class: "muted" }, "Looking…"));
    talk.append(h("p", { class: "asked" }, text), answer);
    answer.scrollIntoView({ block: "nearest" });
    try {
      await receive(answer, text);
    } catch (error) {
      const stopped = error.name === "AbortError";
      answer.append(h("p", { class: stopped ? "muted" : "problem" }, stopped ? "Stopped." : error.code === "no_companion"
        ? "This is a bare Brain without the built-in modules, so there is nobody to ask. Serve a CompanionBrain instead."
        : `${error.message}${error.id ? ` (${error.id} in the log)` : ""}`));
    }
    running = null;
    sync();
    if (question.isConnected) question.focus();
  }

  async function receive(answer, text) {
    const said = h("div", { class: "said wrap" });
    let responder = null;
    for await (const [kind, data] of streamed("api/ask", { question: text, conversation, stream: true }, running.signal)) {
      if (!said.isConnected) answer.replaceChildren(said);
      if (kind === "piece") {
        // Another responder begins anew: what the one before had said is void.
        if (responder !== null && responder !== data.responder) said.replaceChildren();
        responder = data.responder;
        said.append(data.text);
      } else if (kind === "answer") {
        say(said, data.answer);
        answer.append(...sources(data), h("p", { class: "muted small" }, `${data.responder}, ${span(data.seconds)}${data.note ? `. ${data.note}` : ""}`));
      } else if (kind === "error") {
        throw Object.assign(new Error(data.message), data);
      }
    }
  }

  function sync() {
    const may = brain.operator;
    form.hidden = !may;
    forbidden.hidden = may || !brain.status;
    first.hidden = !may || talk.childElementCount > 0;
    send.disabled = running !== null;
    stop.hidden = running === null;
  }
  return { update: sync };
}

function sources(answer) {
  if (!answer.sources.length) return [h("p", { class: "muted small" }, "No source was found.")];
  return [h("ol", { class: "sources small" }, answer.sources.map((source) => h("li", {},
    h("details", {}, h("summary", {}, source.title, " ", h("span", { class: "muted" }, place(source.location))), h("blockquote", { class: "wrap" }, source.excerpt)))))];
}

/** Where a source stands: a link where it is an address of the web, and only then. */
function place(location) {
  return /^https?:\/\//i.test(location) ? h("a", { href: location, rel: "noreferrer noopener", target: "_blank" }, location) : location;
}
