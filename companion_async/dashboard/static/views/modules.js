// The modules: how each of them is, where its time goes, and the controls for whoever may use them.

import { moduleToken } from "../colours.js";
import { empty, h, Keyed, mark, say } from "../dom.js";
import { clock, count, moment, NONE, percent, several, span } from "../format.js";
import { Poll } from "../poll.js";
import { change, get } from "../server.js";

const TONES = { running: "good", paused: "warn", waiting: "warn", initializing: "accent", stopping: "warn", stopped: "", error: "bad" };
const BOUND = 0.5;

export const title = "Modules";
export const lead = "Long waits beside short runs: too few places. Long runs: the work itself. “Computes” marks modules that hold the interpreter; more threads do not help them.";

export function mount(root, { brain, rest }) {
  let opened = rest || null, modules = [];
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const body = h("tbody", { class: "only" });
  const table = h("div", { class: "panel table" }, h("table", { class: "cards" },
    h("thead", {}, h("tr", {}, h("th", {}, "Module"), h("th", {}, "State"), h("th", { class: "end" }, "Running"), h("th", { class: "end" }, "Queued"),
      h("th", { class: "end" }, "Done"), h("th", { class: "end" }, "Failed"), h("th", { class: "end" }, "Wait p50 / p95"), h("th", { class: "end" }, "Run p50 / p95"),
      h("th", { class: "end" }, "Processor"), h("th", {}, h("span", { class: "unseen" }, "Controls")))), body));
  const nothing = empty("No modules yet", "A module is what work is submitted to: a class, an object or a function under a name, in a category of threads.",
    'await brain.register("thumbnails", make_thumbnail, category="advanced")');
  const detail = h("section", { class: "panel detail", hidden: true, "aria-label": "The chosen module" });
  root.append(problem, table, nothing, detail);

  const rows = new Keyed(body, (each) => each.name, (each) => makeRow(each, { open, act }), (row, each) => updateRow(row, each, brain.operator, opened === each.name));
  const poll = new Poll(() => get("api/modules"), 1000, (answer) => {
    modules = answer;
    rows.show(modules);
    table.hidden = !modules.length;
    nothing.hidden = modules.length > 0;
    showDetail();
  });

  function open(name) {
    opened = opened === name ? null : name;
    history.replaceState(null, "", opened ? `#/modules/${encodeURIComponent(opened)}` : "#/modules");
    rows.show(modules);
    showDetail();
  }

  let told = "";
  function showDetail() {
    const each = modules.find((one) => one.name === opened);
    detail.hidden = !each;
    if (!each) return;
    const news = JSON.stringify([each.name, each.errors, each.reason, each.restarts, each.tasks_completed, each.cpu_cap, each.quota]);
    if (news === told) return;
    told = news;
    detail.replaceChildren(
      h("div", { class: "row spread" }, h("h2", {}, each.name), h("button", { type: "button", class: "quiet", onclick: () => open(each.name) }, "Close")),
      h("dl", { class: "facts" },
        h("dt", {}, "Category"), h("dd", {}, `${each.category}, priority ${each.priority}`),
        each.reason ? [h("dt", {}, "Why it is so"), h("dd", {}, each.reason)] : [],
        h("dt", {}, "At once"), h("dd", {}, `${each.max_concurrency === null ? "no cap of its own" : `at most ${each.max_concurrency}`}, weight ${each.quota}${each.cpu_cap === null ? "" : `; the governor lets ${each.cpu_cap} compute at once`}`),
        h("dt", {}, "Mean run"), h("dd", {}, span(each.average_execution_time)),
        h("dt", {}, "Run p99"), h("dd", {}, span(each.run_seconds.p99)),
        h("dt", {}, "Wait p99"), h("dd", {}, span(each.wait_seconds.p99)),
        h("dt", {}, "Restarts"), h("dd", {}, count(each.restarts)),
        h("dt", {}, "Last activity"), h("dd", {}, clock(each.last_activity)),
        h("dt", {}, "Its tasks"), h("dd", {}, h("a", { href: `#/tasks?module=${encodeURIComponent(each.name)}` }, "show them"))),
      h("h3", { class: "small muted" }, each.errors.length ? `Last ${several(each.errors.length, "error")}, newest first` : "No errors"),
      h("ul", { class: "errors" }, [...each.errors].reverse().map((error) => h("li", {}, moment(document, error.timestamp), " ", h("b", {}, error.type),
        error.message ? h("span", { class: "wrap" }, `: ${error.message}`) : null, " ",
        error.task_id ? h("a", { class: "mono", href: `#/tasks/${encodeURIComponent(error.task_id)}` }, error.task_id) : h("span", { class: "mono muted" }, error.id)))));
  }

  async function act(verb, name) {
    const reason = await askReason(root, verb, name);
    if (reason === null) return;
    problem.hidden = true;
    try {
      await change("POST", `api/modules/${encodeURIComponent(name)}/${verb}`, { reason });
    } catch (error) {
      say(problem, `${name} was not ${verb === "pause" ? "paused" : `${verb}${verb.endsWith("e") ? "d" : "ed"}`}: ${error.message}`);
      problem.hidden = false;
    }
    poll.now();
  }

  return { unmount: () => poll.end() };
}

function makeRow(each, { open, act }) {
  const cell = (label, end = true) => h("td", { "data-label": label, class: end ? "end number" : null });
  const toggle = h("button", { type: "button", class: "link", onclick: () => open(each.name) }, each.name);
  const state = cell("State", false), badge = h("span", { class: "badge" });
  state.append(badge);
  const buttons = ["pause", "resume", "restart"].map((verb) =>
    h("button", { type: "button", "data-verb": verb, "aria-label": `${verb} ${each.name}`, onclick: () => act(verb, each.name) }, verb[0].toUpperCase() + verb.slice(1)));
  const row = h("tr", {}, h("td", { class: "lead-cell" }, h("span", { class: "name" }, h("span", { class: "swatch", style: { background: `var(--${moduleToken(each.name)})` } }), toggle),
    h("span", { class: "muted small" }, `${each.category} · ${each.priority}`)), state,
    cell("Running"), cell("Queued"), cell("Done"), cell("Failed"), cell("Wait p50 / p95"), cell("Run p50 / p95"), cell("Processor"),
    h("td", { "data-label": "Controls" }, h("span", { class: "actions" }, buttons)));
  row.parts = { badge, buttons, toggle };
  return row;
}

function updateRow(row, each, operator, opened) {
  const { badge, buttons, toggle } = row.parts;
  say(badge, each.state);
  mark(badge, "class", `badge ${TONES[each.state] ?? ""}`);
  mark(badge, "title", each.reason || null);
  mark(toggle, "aria-expanded", String(opened));
  const failed = each.tasks_failed ? `${count(each.tasks_failed)} (${percent(1 - each.success_rate)})` : "0";
  const bound = each.cpu_bound >= BOUND;
  const texts = [count(each.running), count(each.queue_size), count(each.tasks_completed), failed,
    `${span(each.wait_seconds.p50)} / ${span(each.wait_seconds.p95)}`, `${span(each.run_seconds.p50)} / ${span(each.run_seconds.p95)}`,
    each.cpu_percent === null ? NONE : `${Math.round(each.cpu_percent)} %${bound ? " computes" : ""}`];
  texts.forEach((text, place) => say(row.children[place + 2], text));
  mark(row.children[5], "class", each.tasks_failed && each.success_rate < 0.8 ? "end number problem" : "end number");
  mark(row.children[8], "title", bound ? `The classifier's verdict: ${percent(each.cpu_bound)} of a run computes.` : null);
  mark(row.children[8], "class", bound ? "end number loud" : "end number");
  row.lastElementChild.hidden = !operator;
  for (const button of buttons) {
    const verb = button.dataset.verb;
    button.disabled = verb === "pause" ? each.state !== "running" && each.state !== "waiting" : verb === "resume" ? !["paused", "stopped", "error"].includes(each.state) : false;
  }
}

/** The reason that a person gives; null if they think better of it. */
function askReason(root, verb, name) {
  return new Promise((settle) => {
    const text = h("textarea", { name: "reason", maxlength: "500", placeholder: "Why? It goes into the decision log." });
    const says = { pause: "Running work ends, the rest is held. Nothing is lost.", resume: "What was held runs again.", restart: "A fresh instance takes over; what waits goes on with it." }[verb];
    const dialog = h("dialog", { "aria-label": `${verb} ${name}` },
      h("h2", {}, `${verb[0].toUpperCase()}${verb.slice(1)} ${name}`), h("p", { class: "muted" }, says),
      h("form", { method: "dialog" }, h("label", {}, "Reason", text), h("div", { class: "row" },
        h("button", { class: "first", value: "yes" }, `${verb[0].toUpperCase()}${verb.slice(1)}`), h("button", { value: "", formnovalidate: true }, "Leave it"))));
    dialog.addEventListener("close", () => {
      settle(dialog.returnValue === "yes" ? text.value.trim() : null);
      dialog.remove();
    });
    root.append(dialog);
    dialog.showModal();
    text.focus();
  });
}
