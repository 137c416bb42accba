// The tasks: a list with filters, and one task with its way.

import { moduleToken } from "../colours.js";
import { choice, empty, h, Keyed, mark, say } from "../dom.js";
import { clock, instant, moment, percent, span } from "../format.js";
import { Poll } from "../poll.js";
import { change, get } from "../server.js";

const STATES = ["blocked", "queued", "running", "completed", "failed", "cancelled", "timed_out"];
const TONES = { running: "accent", completed: "good", failed: "bad", timed_out: "bad", retrying: "warn", cancelled: "warn" };
const PAGE = 50;

export const title = "Tasks";

export function mount(root, context) {
  return context.rest ? mountOne(root, context) : mountList(root, context);
}

const badge = (state) => h("span", { class: `badge ${TONES[state] ?? ""}` }, state.replace("_", " "));
const seconds = (later, earlier) => (later && earlier ? instant(later) - instant(earlier) : null);

function mountList(root, { brain, params }) {
  let state = params.get("state") ?? "", module = params.get("module") ?? "", pages = 1, next = null;
  const modules = h("span");
  const id = h("input", { type: "search", placeholder: "Task id", "aria-label": "Go to the task with this id", "data-filter": true });
  const body = h("tbody", { class: "only" });
  const table = h("div", { class: "panel table" }, h("table", { class: "cards" }, h("thead", {}, h("tr", {}, ["Task", "Work", "State", "Priority", "Submitted", "Waited", "Ran"].map((text) => h("th", {}, text)))), body));
  const nothing = empty("No task to show", "Tasks appear here as they are submitted, and stay for as long as the brain's history keeps them.", 'task = brain.submit("thumbnails", "run", path, priority="high", timeout=5)');
  const more = h("button", { type: "button", onclick: () => { pages += 1; poll.now(); } }, "Show more");
  root.append(h("form", { class: "row controls", onsubmit: (event) => { event.preventDefault(); if (id.value.trim()) location.hash = `#/tasks/${encodeURIComponent(id.value.trim())}`; } },
    choice("State", [["", "all"], ...STATES.map((each) => [each, each.replace("_", " ")])], state, (value) => { state = value; again(); }), modules, id, h("button", {}, "Open")),
    table, nothing, h("p", {}, more));

  const rows = new Keyed(body, (each) => each.id, (each) => h("tr", {},
    h("td", { class: "lead-cell" }, h("a", { class: "mono", href: `#/tasks/${encodeURIComponent(each.id)}` }, each.id)),
    h("td", { "data-label": "Work" }, h("span", { class: "name" }, h("span", { class: "swatch", style: { background: `var(--${moduleToken(each.module)})` } }), h("span", { class: "wrap" }, `${each.module}.${each.target}`))),
    h("td", { "data-label": "State" }), h("td", { "data-label": "Priority" }), h("td", { "data-label": "Submitted" }, moment(document, each.submitted_at, true)),
    h("td", { "data-label": "Waited", class: "number" }), h("td", { "data-label": "Ran", class: "number" })), (row, each) => {
      if (row.state !== each.state) row.children[2].replaceChildren(badge(each.state), each.error ? h("span", { class: "small problem" }, ` ${each.error.type}`) : "");
      row.state = each.state;
      say(row.children[3], each.priority);
      const now = brain.status?.timestamp;
      say(row.children[5], span(seconds(each.started_at ?? each.finished_at ?? now, each.submitted_at)));
      say(row.children[6], span(seconds(each.finished_at ?? now, each.started_at)));
    });

  async function ask() {
    const found = [];
    let cursor = null;
    for (let page = 0; page < pages; page += 1) {
      const query = new URLSearchParams({ limit: PAGE, ...(state && { state }), ...(module && { module }), ...(cursor && { cursor }) });
      const answer = await get(`api/tasks?${query}`);
      found.push(...answer.tasks);
      cursor = answer.next;
      if (!cursor) break;
    }
    next = cursor;
    return found;
  }
  const poll = new Poll(ask, 1500, (found) => {
    rows.show([...new Map(found.map((each) => [each.id, each])).values()]);
    table.hidden = !found.length;
    nothing.hidden = found.length > 0;
    more.hidden = !next;
  });
  function again() {
    pages = 1;
    const query = new URLSearchParams({ ...(state && { state }), ...(module && { module }) });
    history.replaceState(null, "", `#/tasks${query.size ? `?${query}` : ""}`);
    poll.now();
  }

  let offered = "";
  return {
    update() {
      const names = brain.modules;
      if (names.join() === offered) return;
      offered = names.join();
      modules.replaceChildren(choice("Module", [["", "all"], ...names.map((name) => [name, name])], module, (value) => { module = value; again(); }));
    },
    unmount: () => poll.end(),
  };
}

function mountOne(root, { brain, rest }) {
  const body = h("div", { class: "stack" }), cancel = h("button", { type: "button", class: "danger", hidden: true, onclick: end }, "Cancel the task");
  root.append(h("p", { class: "row spread" }, h("a", { href: "#/tasks" }, "← All tasks"), cancel), body);
  let told = "";
  const poll = new Poll(() => get(`api/tasks/${encodeURIComponent(rest)}`), 1000, show, (error) => {
    if (error.status !== 404) return;
    body.replaceChildren(empty("This task is not known", "It was never accepted, or it ended so long ago that it has left the brain's history."));
    poll.end();
  });

  async function end() {
    try {
      await change("DELETE", `api/tasks/${encodeURIComponent(rest)}`);
    } catch (error) {
      cancel.after(h("span", { class: "problem", role: "alert" }, error.message));
    }
    poll.now();
  }

  function show(task) {
    const done = task.finished_at !== null;
    cancel.hidden = done || !brain.operator;
    const news = JSON.stringify(task) + (done ? "" : brain.status?.timestamp);
    if (news === told) return;
    told = news;
    const now = brain.status?.timestamp ?? task.finished_at;
    body.replaceChildren(
      h("section", { class: "panel" },
        h("div", { class: "row" }, h("b", { class: "mono" }, task.id), badge(task.state)),
        h("dl", { class: "facts" },
          h("dt", {}, "Work"), h("dd", {}, h("a", { href: `#/modules/${encodeURIComponent(task.module)}` }, task.module), `.${task.target}`),
          h("dt", {}, "Category"), h("dd", {}, `${task.category}, priority ${task.priority}`),
          h("dt", {}, "Submitted"), h("dd", {}, moment(document, task.submitted_at, true)),
          h("dt", {}, "Waited"), h("dd", {}, span(seconds(task.started_at ?? task.finished_at ?? now, task.submitted_at))),
          h("dt", {}, "Ran"), h("dd", {}, task.started_at ? `${span(seconds(task.finished_at ?? now, task.started_at))}, attempt ${task.attempt}` : "never"),
          task.fraction || task.message ? [h("dt", {}, "Progress"), h("dd", {}, `${percent(task.fraction)} ${task.message}`)] : [])),
      h("section", { class: "panel" }, h("h2", { class: "flush" }, "Its way"), way(task, now)),
      task.error ? h("section", { class: "panel" }, h("h2", { class: "flush" }, "Its error"),
        h("p", { class: "problem wrap" }, h("b", {}, task.error.type), task.error.message ? `: ${task.error.message}` : ""),
        h("p", { class: "muted small" }, "The traceback stands in the log under ", h("code", {}, task.error.id), ".")) : "",
      task.state === "completed" ? h("section", { class: "panel" }, h("h2", { class: "flush" }, "Its result"),
        task.omitted ? h("p", { class: "muted" }, task.omitted) : h("pre", { tabindex: "0" }, JSON.stringify(task.result, null, 2))) : "");
  }
  return { unmount: () => poll.end() };
}

/** The steps of a task as bars along its time. */
function way(task, now) {
  const start = instant(task.submitted_at), stop = Math.max(instant(task.finished_at ?? now), start + 1e-6);
  const steps = task.history.map((step, place) => {
    const at = instant(step.timestamp), until = place + 1 < task.history.length ? instant(task.history[place + 1].timestamp) : stop;
    const last = place + 1 === task.history.length && task.finished_at !== null;
    const bar = h("span", { class: "bar-of", "data-state": step.state });
    bar.style.marginLeft = last ? "calc(100% - 3px)" : `${((at - start) / (stop - start)) * 100}%`;
    bar.style.width = last ? "3px" : `${((until - at) / (stop - start)) * 100}%`;
    return h("li", {}, h("span", { class: "step" }, h("b", {}, step.state.replace("_", " ")), step.detail ? h("span", { class: "muted" }, ` ${step.detail}`) : ""),
      h("span", { class: "track", "aria-hidden": "true" }, bar), h("span", { class: "number muted" }, last ? clock(step.timestamp, true) : span(until - at)));
  });
  return h("ol", { class: "way" }, steps);
}
