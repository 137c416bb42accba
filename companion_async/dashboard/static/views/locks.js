// The locks: who holds what, who waits for it, and for whom.

import { empty, h, Keyed, mark, say, svg } from "../dom.js";
import { count, several, span } from "../format.js";
import { Poll } from "../poll.js";
import { get } from "../server.js";

export const title = "Locks";
export const lead = "Shared resources. A wait that could never end is found as it begins: one of its circle gets a DeadlockError, and the rest go on.";

export function mount(root, { brain }) {
  const figures = h("p", { class: "lead", role: "status" }), graph = h("div", { class: "panel graph", hidden: true });
  const list = h("section", { class: "categories", "aria-label": "Resources" });
  const nothing = empty("No shared resources", "Register what several modules use at once, and its holders and waiters show here.",
    'brain.resources.register_resource("memory", memory, "episodic_memory")\nasync with brain.resources.acquire_context("memory", "write", holder="planner"): ...');
  const heading = h("h2", {}, "Who waits for whom"), resources = h("h2", {}, "Resources");
  const deadlocks = h("section", { hidden: true }), broken = h("ul", { class: "errors" });
  deadlocks.append(h("h2", {}, "Deadlocks broken since this page was opened"), h("div", { class: "panel" }, broken));
  root.append(figures, deadlocks, heading, graph, resources, list, nothing);
  const cards = new Keyed(list, (each) => each.resource_id, (each) => {
    const card = h("article", { class: "panel" }, h("div", { class: "row spread" }, h("b", { class: "wrap" }, each.resource_id), h("span", { class: "badge" })), h("p", { class: "muted small" }), h("ul", { class: "errors" }));
    return card;
  }, updateCard);

  let drawn = "";
  const poll = new Poll(() => get("api/locks"), 1000, ({ metrics, resources: found, waits }) => {
    const any = found.length > 0;
    nothing.hidden = any;
    resources.hidden = list.hidden = !any;
    say(figures, any ? `${several(metrics.held, "lock")} held, ${several(metrics.waiting, "request")} waiting; ${count(metrics.acquisitions)} granted so far, ${count(metrics.contention)} of them after a wait (mean ${span(metrics.average_wait)}, p99 ${span(metrics.p99_wait)}); ${several(metrics.timeouts, "timeout")}, ${several(metrics.deadlocks, "deadlock")} broken.` : "");
    cards.show(found);
    const waiting = waits.edges.some((edge) => edge.kind !== "held");
    heading.hidden = graph.hidden = !waiting;
    const news = JSON.stringify(waits);
    if (waiting && news !== drawn) graph.replaceChildren(draw(named(waits, found), root.clientWidth));
    drawn = news;
  });

  const source = new EventSource("api/events?kinds=lock.*");
  source.addEventListener("lock.deadlock", (event) => {
    const { cycle, victim, timestamp } = JSON.parse(event.data);
    deadlocks.hidden = false;
    broken.prepend(h("li", {}, h("time", {}, new Date(timestamp).toLocaleTimeString("en-GB")), ` ${cycle.join(" → ")}; `, h("b", {}, victim), " got the error"));
    while (broken.childElementCount > 20) broken.lastElementChild.remove();
  });
  return { unmount() { poll.end(); source.close(); } };
}

function updateCard(card, each) {
  const [head, facts, list] = card.children, badge = head.lastChild;
  const state = each.suspect ? ["suspect", "bad"] : each.waiters.length ? [`${each.waiters.length} waiting`, "warn"] : each.holders.length ? ["held", "accent"] : ["free", "good"];
  say(badge, state[0]);
  mark(badge, "class", `badge ${state[1]}`);
  say(facts, `${each.resource_type.replace("_", " ")} · ${count(each.acquisitions)} granted, ${count(each.contention)} waited, p99 ${span(each.p99_wait)}`);
  const entry = (lock, verb) => h("li", {}, h("b", {}, lock.holder || lock.owner), ` ${verb} ${lock.mode} for `, h("span", { class: "number" }, span(lock.seconds)), h("span", { class: "muted" }, ` · ${lock.priority}`));
  list.replaceChildren(...each.holders.map((lock) => entry(lock, "holds")), ...each.waiters.slice(0, 10).map((lock) => entry(lock, "waits to")),
    each.waiters.length > 10 ? h("li", { class: "muted" }, `and ${each.waiters.length - 10} more`) : "");
}

const LINE = 54, TALL = 32, MOST = 40;
const WIDE = { column: 230, box: 168, letters: 22 }, NARROW = { column: 118, box: 92, letters: 11 };

/** The graph in three columns: those who wait, what they wait for, and those who hold it. */
function draw({ nodes, edges }, room) {
  const { column: COLUMN, box: BOX, letters } = room < 2 * WIDE.column + WIDE.box + 50 ? NARROW : WIDE;
  const waits = new Set(edges.filter((edge) => edge.kind !== "held").map((edge) => edge.source));
  const column = (node) => (node.kind === "resource" ? 1 : waits.has(node.id) ? 0 : 2);
  const heights = [0, 0, 0], places = new Map();
  for (const node of nodes.slice(0, MOST)) {
    const at = column(node);
    places.set(node.id, { node, x: at * COLUMN + 6, y: heights[at] * LINE + 6 });
    heights[at] += 1;
  }
  const width = 2 * COLUMN + BOX + 12, height = Math.max(...heights) * LINE;
  const said = edges.map((edge) => `${label(nodes, edge.source)} ${edge.kind === "held" ? "is held by" : edge.kind === "joins" ? "waits for the end of" : "waits for"} ${label(nodes, edge.target)}`);
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": said.join("; ") },
    svg("defs", {}, svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 8, refY: 4, markerWidth: 8, markerHeight: 8, orient: "auto" }, svg("path", { d: "M0 0L8 4L0 8z" }))));
  for (const edge of edges) {
    const [a, b] = [places.get(edge.source), places.get(edge.target)];
    if (!a || !b) continue;
    const [ax, bx] = a.x < b.x ? [a.x + BOX, b.x] : a.x > b.x ? [a.x, b.x + BOX] : [a.x + BOX, b.x + BOX];
    const [ay, by] = [a.y + TALL / 2, b.y + TALL / 2], bend = a.x === b.x ? 40 : (bx - ax) / 2;
    drawing.append(svg("path", { class: `edge ${edge.kind}`, d: `M${ax} ${ay}C${ax + bend} ${ay} ${bx - (a.x === b.x ? -40 : bend)} ${by} ${bx} ${by}`, "marker-end": "url(#tip)" }));
  }
  for (const { node, x, y } of places.values()) {
    drawing.append(svg("g", { class: `node ${node.kind}` }, svg("title", {}, node.owner), svg("rect", { x, y, width: BOX, height: TALL, rx: node.kind === "resource" ? 4 : 16 }),
      svg("text", { x: x + BOX / 2, y: y + TALL / 2 + 4, "text-anchor": "middle" }, node.label.length > letters ? `${node.label.slice(0, letters - 1)}…` : node.label)));
  }
  return h("div", { class: "scroll" }, drawing, h("p", { class: "muted small" }, "Solid: held by. Dashed: waits for.", nodes.length > MOST ? ` ${nodes.length - MOST} more are not drawn.` : ""));
}

/** The graph with the names that the holders gave themselves, where they did. */
function named({ nodes, edges }, resources) {
  const names = new Map(resources.flatMap((each) => [...each.holders, ...each.waiters]).map((lock) => [lock.owner, lock.holder]));
  return { edges, nodes: nodes.map((node) => ({ ...node, label: names.get(node.label) || node.label, owner: node.label })) };
}

const label = (nodes, id) => nodes.find((node) => node.id === id)?.label ?? id;
