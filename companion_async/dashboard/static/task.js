// One task's page: what it is, its way, what it was called with, who waits for whom, and what came of it.

import { empty, h } from "./dom.js";
import { between, instant, moment, percent, span } from "./format.js";
import { Poll } from "./poll.js";
import { change, get } from "./server.js";

const TONES = { running: "accent", completed: "good", failed: "bad", timed_out: "bad", retrying: "warn", cancelled: "warn" };
const RULES = { fail: "If one of them does not complete, it fails too.", skip: "If one of them does not complete, it is skipped.", run: "It runs however they end." };

export const badge = (state) => h("span", { class: `badge ${TONES[state] ?? ""}` }, state.replace("_", " "));

const link = (id) => h("a", { class: "mono", href: `#/tasks/${encodeURIComponent(id)}` }, id);
const panel = (heading, ...parts) => h("section", { class: "panel" }, h("h2", { class: "flush" }, heading), ...parts);

export function mountTask(root, { brain, rest }) {
  const cancel = h("button", { type: "button", class: "danger", hidden: true, onclick: end }, "Cancel the task");
  const trouble = h("p", { class: "problem", role: "alert", hidden: true });
  const main = h("div", { class: "stack" }), side = h("div", { class: "stack" });
  root.append(h("p", { class: "row spread" }, h("a", { href: "#/tasks" }, "← All tasks"), cancel), trouble, h("div", { class: "two" }, main, side));
  const shown = new Map();
  const poll = new Poll(() => get(`api/tasks/${encodeURIComponent(rest)}`), 1000, show, (error) => {
    if (error.status !== 404) return;
    side.remove();
    main.replaceChildren(empty("This task is not known", "It was never accepted, or it ended so long ago that it has left the brain's history."));
    poll.end();
  });

  async function end() {
    trouble.hidden = true;
    try {
      await change("DELETE", `api/tasks/${encodeURIComponent(rest)}`);
    } catch (error) {
      trouble.textContent = `It was not cancelled: ${error.message}`;
      trouble.hidden = false;
    }
    poll.now();
  }

  /** Put a part anew only when what it tells has changed: a selection in it survives. */
  function part(parent, name, told, make) {
    const news = JSON.stringify(told), before = shown.get(name);
    if (before?.news === news) return;
    const element = make();
    if (before) before.element.replaceWith(element);
    else parent.append(element);
    shown.set(name, { news, element });
  }

  function show(task) {
    const done = task.finished_at !== null, now = task.finished_at ?? brain.now;
    cancel.hidden = done || !brain.operator;
    part(main, "facts", [task, done || brain.status?.timestamp], () => facts(task, now));
    part(main, "way", [task.history, done || brain.status?.timestamp], () => panel("Its way", way(task, now)));
    part(main, "end", [task.error, task.state, task.result, task.omitted], () => ending(task));
    part(side, "arguments", [task.arguments, task.withheld], () => called(task));
    part(side, "relatives", [task.upstream, task.downstream], () => relatives(task));
  }
  return { unmount: () => poll.end() };
}

function facts(task, now) {
  return h("section", { class: "panel" },
    h("div", { class: "row" }, h("b", { class: "mono" }, task.id), badge(task.state)),
    h("dl", { class: "facts" },
      h("dt", {}, "Work"), h("dd", {}, h("a", { href: `#/modules/${encodeURIComponent(task.module)}` }, task.module), `.${task.target}`),
      h("dt", {}, "Category"), h("dd", {}, `${task.category}, priority ${task.priority}`),
      h("dt", {}, "Submitted"), h("dd", {}, moment(document, task.submitted_at, true)),
      h("dt", {}, "Waited"), h("dd", {}, span(between(task.submitted_at, task.started_at ?? now))),
      h("dt", {}, "Ran"), h("dd", {}, task.started_at ? `${span(between(task.started_at, now))}, attempt ${task.attempt}` : "never"),
      task.fraction || task.message ? [h("dt", {}, "Progress"), h("dd", {},
        h("progress", { value: task.fraction, max: 1, "aria-label": "Progress" }), ` ${percent(task.fraction)} ${task.message}`)] : []));
}

function ending(task) {
  if (task.error) {
    return panel("Its error",
      h("p", { class: "problem wrap" }, h("b", {}, task.error.type), task.error.message ? `: ${task.error.message}` : ""),
      task.error.traceback
        ? h("pre", { class: "trace", tabindex: "0", "aria-label": "Traceback" }, task.error.traceback)
        : !task.error.message && h("p", { class: "muted small" }, "What it said stands in the log under ", h("code", {}, task.error.id), "; operators see it here where the config has expose_errors."));
  }
  if (task.state !== "completed") return h("div", { hidden: true });
  return panel("Its result", task.omitted ? h("p", { class: "muted" }, task.omitted) : h("pre", { tabindex: "0", "aria-label": "Result" }, JSON.stringify(task.result, null, 2)));
}

function called(task) {
  const known = task.arguments ?? [];
  return panel("Called with", task.withheld ? h("p", { class: "muted small" }, task.withheld)
    : known.length ? h("dl", { class: "facts mono" }, known.flatMap(({ name, value }) => [h("dt", {}, name), h("dd", { class: "wrap" }, value)]))
      : h("p", { class: "muted small" }, "Nothing."));
}

function relatives(task) {
  const list = (found) => h("ul", { class: "kin" }, found.map((each) => h("li", {}, link(each.id), " ",
    each.state ? [h("span", { class: "wrap" }, `${each.module}.${each.target} `), badge(each.state)] : h("span", { class: "muted" }, "no longer known"))));
  if (!task.upstream.length && !task.downstream.length) {
    return panel("Dependencies", h("p", { class: "muted small" }, "It waits for no other task, and none waits for it."));
  }
  return panel("Dependencies",
    task.upstream.length ? [h("h3", { class: "small muted" }, `It comes after these. ${RULES[task.on_upstream_failure] ?? ""}`), list(task.upstream)] : [],
    h("p", { class: "kin-here" }, h("span", { "aria-hidden": "true" }, "↓ "), h("b", { class: "mono" }, task.id), " (this one)", h("span", { "aria-hidden": "true" }, task.downstream.length ? " ↓" : "")),
    task.downstream.length ? [h("h3", { class: "small muted" }, "These come after it"), list(task.downstream)] : []);
}

/** The steps of a task as bars along its time. */
function way(task, now) {
  const start = instant(task.submitted_at), stop = start + Math.max(between(task.submitted_at, now) ?? 0, 1e-6);
  const place = (at) => Math.min(100, Math.max(0, ((at - start) / (stop - start)) * 100));
  const steps = task.history.map((step, number) => {
    const at = instant(step.timestamp), next = task.history[number + 1];
    const until = next ? instant(next.timestamp) : stop, last = !next && task.finished_at !== null;
    const bar = h("span", { class: "bar-of", "data-state": step.state });
    bar.style.marginLeft = last ? "calc(100% - 3px)" : `${place(at)}%`;
    bar.style.width = last ? "3px" : `${place(until) - place(at)}%`;
    return h("li", {}, h("span", { class: "step" }, h("b", {}, step.state.replace("_", " ")), step.detail ? h("span", { class: "muted" }, ` ${step.detail}`) : ""),
      h("span", { class: "track", "aria-hidden": "true" }, bar),
      h("span", { class: "number muted" }, last ? "" : span(Math.max(0, until - at))), h("span", { class: "number muted" }, moment(document, step.timestamp, true)));
  });
  return h("ol", { class: "way" }, steps);
}
