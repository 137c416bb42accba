// The tasks: a list with filters, and behind each line the task's own page.

import { moduleToken } from "../colours.js";
import { choice, empty, h, Keyed, say } from "../dom.js";
import { between, moment, span } from "../format.js";
import { Poll } from "../poll.js";
import { get } from "../server.js";
import { badge, mountTask } from "../task.js";

const STATES = ["blocked", "queued", "running", "completed", "failed", "cancelled", "timed_out"];
const PAGE = 50;

export const title = "Tasks";

export function mount(root, context) {
  return context.rest ? mountTask(root, context) : mountList(root, context);
}

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
      say(row.children[5], span(between(each.submitted_at, each.started_at ?? each.finished_at ?? brain.now)));
      say(row.children[6], span(between(each.started_at, each.finished_at ?? brain.now)));
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
