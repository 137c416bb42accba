// The shared state: what stands there, what changed it lately, and the snapshots that are kept.

import { empty, h, Keyed, say } from "../dom.js";
import { count, moment, several } from "../format.js";
import { Poll } from "../poll.js";
import { get } from "../server.js";

const MOST = 200;

export const title = "State";
export const lead = "What the modules share: values by path, changed in transactions and proposals, each a version.";

export function mount(root) {
  const figures = h("p", { class: "lead", role: "status" }), tree = h("div", { class: "panel tree" });
  const body = h("tbody", { class: "only" }), snapshots = h("p", { class: "muted" });
  const changes = h("div", { class: "panel table" }, h("table", { class: "cards" }, h("thead", {}, h("tr", {}, ["Version", "When", "Path", "Change", "By", "From → to"].map((text) => h("th", {}, text)))), body));
  const nothing = empty("The state is empty", "What modules propose or commit stands here, with who changed it and when.", 'await brain.state.propose_change("perception", "emotional_state.happiness", 0.8)');
  const filled = h("div", {}, h("h2", {}, "Values"), tree, h("h2", {}, "Last changes, newest first"), changes, h("h2", {}, "Snapshots"), snapshots);
  root.append(figures, filled, nothing);
  const rows = new Keyed(body, (each) => each.number, (each) => h("tr", {},
    h("td", { "data-label": "Version", class: "number" }, each.version === null ? "–" : count(each.version)), h("td", { "data-label": "When" }, moment(document, each.timestamp)),
    h("td", { "data-label": "Path", class: "mono wrap" }, each.path), h("td", { "data-label": "Change" }, each.change_type), h("td", { "data-label": "By" }, each.module),
    h("td", { "data-label": "From → to", class: "mono wrap" }, `${each.old_value} → ${each.new_value}`)));

  let shown = -1;
  const poll = new Poll(() => get("api/state?limit=50"), 1500, ({ status, value, omitted, history }) => {
    const any = status.version > 0 || (value && Object.keys(value).length > 0);
    nothing.hidden = any;
    filled.hidden = !any;
    say(figures, any ? `Version ${count(status.version)}; ${count(status.pending)} pending (${status.sync_policy}), ${several(status.active_transactions, "open transaction")}; ${count(status.metrics.lost)} lost, ${count(status.metrics.refused)} refused, ${count(status.metrics.transactions_lost)} transactions in conflict.` : "");
    say(snapshots, status.snapshots.length ? status.snapshots.join(", ") : "None. brain.state.create_snapshot(name) keeps one.");
    rows.show([...history].reverse());
    if (status.version === shown) return;
    shown = status.version;
    const open = new Set([...tree.querySelectorAll("details[open]")].map((each) => each.dataset.path));
    tree.replaceChildren(omitted ? h("p", { class: "muted" }, omitted) : branch(value, "", open));
  });
  return { unmount: () => poll.end() };
}

function branch(value, path, open) {
  const entries = Array.isArray(value) ? value.map((each, place) => [String(place), each]) : Object.entries(value ?? {});
  return h("ul", {}, entries.slice(0, MOST).map(([name, each]) => {
    const here = path ? `${path}.${name}` : name;
    if (each === null || typeof each !== "object") return h("li", {}, h("span", { class: "key" }, name), " ", h("code", { class: "wrap" }, JSON.stringify(each)));
    const length = Array.isArray(each) ? `[${each.length}]` : `{${Object.keys(each).length}}`;
    const deep = here.split(".").length;
    return h("li", {}, h("details", { "data-path": here, open: open.has(here) || (!open.size && deep < 3) }, h("summary", {}, h("span", { class: "key" }, name), " ", h("span", { class: "muted" }, length)), branch(each, here, open)));
  }), entries.length > MOST ? h("li", { class: "muted" }, `${entries.length - MOST} more`) : "");
}
