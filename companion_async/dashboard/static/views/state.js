// The shared state: what stands there, or stood in a snapshot, and what changed it.

import { empty, h, Keyed, say } from "../dom.js";
import { clock, count, moment, several } from "../format.js";
import { Poll } from "../poll.js";
import { get } from "../server.js";

const MOST = 200, CHANGES = 50;
const SEGMENT = /^[A-Za-z0-9-][A-Za-z0-9_-]*$/;

export const title = "State";
export const lead = "What the modules share: values by path, changed in transactions and proposals, each a version.";

export function mount(root, { rest }) {
  let path = rest, chosen = "", kept = null, now = null, drawn = "", offered = "";
  const figures = h("p", { class: "lead", role: "status" });
  const which = h("select", { onchange: () => { chosen = which.value; kept = null; poll.now(); } });
  const told = h("p", { class: "muted small", role: "status" }), tree = h("div", { class: "tree" });
  const heading = h("h2", { class: "flush" }), all = h("button", { type: "button", class: "quiet", onclick: () => look("") }, "Show all");
  const body = h("tbody", { class: "only" });
  const changes = h("table", { class: "cards" }, h("thead", {}, h("tr", {}, ["When", "Path", "By", "From → to"].map((text) => h("th", {}, text)))), body);
  const none = h("p", { class: "muted small" }, "No change of it is kept.");
  const nothing = empty("The state is empty", "What modules propose or commit stands here, with who changed it and when.", 'await brain.state.propose_change("perception", "emotional_state.happiness", 0.8)');
  const filled = h("div", { class: "two" },
    h("section", { class: "panel", "aria-label": "Values" }, h("div", { class: "row spread" }, h("h2", { class: "flush" }, "Values"), h("label", { class: "row muted" }, "As of", which)), told, tree),
    h("section", { class: "panel", "aria-label": "Changes" }, h("div", { class: "row spread" }, heading, all), none, h("div", { class: "scroll" }, changes)));
  root.append(figures, filled, nothing);
  const rows = new Keyed(body, (each) => each.number, (each) => h("tr", {},
    h("td", { "data-label": "When" }, moment(document, each.timestamp), h("div", { class: "muted small" }, each.version === null ? "" : `version ${count(each.version)}`)),
    h("td", { "data-label": "Path" }, h("span", { class: "mono wrap" }, each.path), h("div", { class: "muted small" }, each.change_type)),
    h("td", { "data-label": "By", class: "wrap" }, each.task_id ? h("a", { href: `#/tasks/${encodeURIComponent(each.task_id)}` }, each.module || "a task") : each.module),
    h("td", { "data-label": "From → to", class: "mono wrap" }, `${each.old_value} → ${each.new_value}`)));

  async function ask() {
    const state = await get(`api/state?limit=${CHANGES}`);
    const part = path ? await get(`api/state?${new URLSearchParams({ path, limit: CHANGES })}`) : state;
    if (chosen && !kept) kept = await get(`api/state?${new URLSearchParams({ snapshot: chosen, limit: 1 })}`);
    return { state, history: part.history };
  }

  const poll = new Poll(ask, 1500, ({ state, history }) => {
    now = state;
    const { status, value } = state;
    const any = status.version > 0 || (value && Object.keys(value).length > 0);
    nothing.hidden = any;
    filled.hidden = !any;
    say(figures, any ? `Version ${count(status.version)}; ${count(status.pending)} pending (${status.sync_policy}), ${several(status.active_transactions, "open transaction")}; ${count(status.metrics.lost)} lost, ${count(status.metrics.refused)} refused, ${count(status.metrics.transactions_lost)} transactions in conflict.` : "");
    say(heading, path ? `Changes of ${path}` : "Last changes");
    all.hidden = !path;
    rows.show([...history].reverse());
    changes.hidden = !history.length;
    none.hidden = history.length > 0;
    offer(state.snapshots);
    draw();
  }, (error) => {
    // What was chosen has gone: the oldest of too many snapshots, or a path that is none.
    if (error.status === 404 && chosen) [chosen, kept] = ["", null];
    else if (error.status === 422 && path) look("");
  });

  function offer(snapshots) {
    const news = JSON.stringify(snapshots);
    if (news === offered && which.value === chosen) return;
    offered = news;
    which.replaceChildren(h("option", { value: "" }, "now"), ...[...snapshots].reverse().map((each) =>
      h("option", { value: each.name, selected: each.name === chosen }, `${each.name.length > 40 ? `${each.name.slice(0, 39)}…` : each.name} (version ${count(each.version)}, ${clock(each.timestamp)})`)));
  }

  function draw() {
    const shown = kept ?? now, news = `${chosen} ${now.status.version} ${path}`;
    if (news === drawn) return;
    drawn = news;
    const open = new Set([...tree.querySelectorAll("details[open]")].map((each) => each.dataset.path));
    const others = chosen && kept ? now.value : undefined;
    say(told, others === undefined ? (now.snapshots.length ? `${several(now.snapshots.length, "snapshot")} kept; choose one to see what stood then.` : "No snapshot is kept. brain.state.create_snapshot(name) keeps one.")
      : "As it stood then; what has changed since is marked.");
    tree.replaceChildren(shown.omitted ? h("p", { class: "muted" }, shown.omitted) : branch(shown.value, others, "", { open, look, path, addressed: true }));
  }

  function look(wanted) {
    path = path === wanted ? "" : wanted;
    history.replaceState(null, "", path ? `#/state/${encodeURIComponent(path)}` : "#/state");
    poll.now();
  }
  return { unmount: () => poll.end() };
}

const isBranch = (value) => value !== null && typeof value === "object";

/** The members of a value; where `now` is given, each beside what stands there now. */
function branch(value, now, above, view) {
  const names = Object.keys(value ?? {}), added = isBranch(now) ? Object.keys(now).filter((name) => !(name in value)) : [];
  const members = [...names, ...added], addressed = view.addressed && !Array.isArray(value);
  return h("ul", {}, members.slice(0, MOST).map((name) => {
    const here = above ? `${above}.${name}` : name, known = addressed && SEGMENT.test(name);
    const each = value[name], other = now === undefined ? undefined : isBranch(now) && name in now ? now[name] : null;
    const key = known ? h("button", { type: "button", class: "link", "aria-pressed": String(view.path === here), title: `Changes of ${here}`, onclick: (event) => { event.preventDefault(); view.look(here); } }, name) : h("span", { class: "key" }, name);
    const differs = now !== undefined && JSON.stringify(each) !== JSON.stringify(isBranch(now) ? now[name] : undefined);
    if (!isBranch(each)) {
      return h("li", {}, key, " ", each === undefined ? h("span", { class: "muted" }, "not there then") : h("code", { class: "wrap" }, JSON.stringify(each)),
        differs ? [" ", h("span", { class: "loud" }, "now "), h("code", { class: "wrap loud" }, isBranch(now) && name in now ? JSON.stringify(now[name]) : "not there")] : "");
    }
    const length = Array.isArray(each) ? `[${each.length}]` : `{${Object.keys(each).length}}`, deep = here.split(".").length;
    return h("li", {}, h("details", { "data-path": here, open: view.open.has(here) || (!view.open.size && deep < 3) },
      h("summary", {}, key, " ", h("span", { class: "muted" }, length), differs ? h("span", { class: "loud" }, " changed since") : ""),
      branch(each, now === undefined ? undefined : other ?? {}, here, { ...view, addressed: known })));
  }), members.length > MOST ? h("li", { class: "muted" }, `${members.length - MOST} more`) : "");
}
