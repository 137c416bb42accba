// The overview: in ten seconds, what the brain is doing and whether anything is wrong.

import { MOST_DECISIONS } from "../brain.js";
import { h, Keyed, mark, say } from "../dom.js";
import { clock, count, frame, percent, rate, several, size, span } from "../format.js";
import { drawSpark } from "../spark.js";

const IDLE = /selectors\.py:\d+ \S*select$/; // where a loop that has nothing to do waits
const LAG = 0.05; // seconds from which people begin to feel it
const FEW = 3, SOME = 0.1; // failures that are worth a word: so many, and more than this share

export const title = "Overview";

export function mount(root, { brain }) {
  const sentence = h("p"), findings = h("ul"), verdict = h("section", { class: "panel verdict", "aria-label": "In short" },
    h("div", {}, sentence, findings));
  const found = new Keyed(findings, (text) => text, (text) => h("li", {}, text));
  const tiles = h("section", { class: "tiles", "aria-label": "Figures" });
  const cards = h("section", { class: "categories", "aria-label": "Categories" });
  root.append(verdict, tiles, h("h2", {}, "Categories"), cards,
    h("p", { class: "muted small" }, "Lines begin when this page is opened and reach back two minutes at most; ▾ marks a decision of the brain."));

  const parts = TILES.map((tile) => new Tile(tiles, tile));
  const categories = new Keyed(cards, (each) => each.name, makeCard, (card, each) => updateCard(card, each, brain));

  return {
    update() {
      const status = brain.status;
      if (!status) return;
      const said = inShort(status, brain);
      say(sentence, said.text);
      mark(verdict, "data-tone", said.tone);
      found.show([...new Set(said.findings)]);
      for (const part of parts) part.update(status, brain);
      categories.show(Object.values(status.categories));
    },
  };
}

/** One sentence that says what is going on, how bad it is, and what was found. */
function inShort(status, brain) {
  const waiting = Object.values(status.categories).reduce((sum, each) => sum + each.queued, 0);
  const speed = brain.one("throughput").points.at(-1)?.value ?? 0;
  const findings = [...status.findings];
  for (const each of Object.values(status.categories)) {
    if (each.overloaded) findings.push(`Category ${each.name} is overloaded: ${several(each.queued, "task")} wait.`);
    else if (each.queued > 0 && each.active >= each.max) {
      findings.push(`Category ${each.name} is full: all ${each.max} places are busy and ${several(each.queued, "task waits", "tasks wait")}.`);
    }
  }
  for (const each of Object.values(status.module_threads)) {
    if (each.state === "paused" && each.queue_size) findings.push(`Module ${each.name} is paused and holds ${several(each.queue_size, "task")}.`);
    if (each.state === "error" || each.state === "stopped") findings.push(`Module ${each.name} is in state ${each.state} and takes no work.`);
  }
  const block = status.loop_blocks.at(-1);
  if (block && Date.parse(status.timestamp) - Date.parse(block.since) < 120000) {
    const place = block.stack.at(-1);
    findings.push(IDLE.test(place ?? "") ? `The event loop stood still for ${span(block.seconds)} at ${clock(block.since)} though it had nothing to do: others had the processor.`
      : `Something blocked the event loop for ${span(block.seconds)} at ${clock(block.since)}: ${place ? frame(place) : "the stack is not shown"}.`);
  }
  if ((status.loop_lag ?? 0) > LAG) findings.push(`The event loop is ${span(status.loop_lag)} late: something computes or blocks on it.`);
  if (status.abandoned_threads) findings.push(`${several(status.abandoned_threads, "thread was", "threads were")} given up past the limit and not ended yet.`);
  const { completed, failed } = brain.recently();
  if (failed >= FEW && failed > SOME * (completed + failed)) {
    findings.push(`${count(failed)} of the last ${count(completed + failed)} tasks did not complete: Modules says whose.`);
  }
  const grave = Object.values(status.categories).some((each) => each.overloaded) || (status.loop_lag ?? 0) > LAG * 10;
  const doing = status.active_threads || waiting
    ? `${several(status.active_threads, "thread is", "threads are")} busy, ${several(waiting, "task waits", "tasks wait")}, ${rate(speed)} tasks a second end.`
    : "Idle: nothing runs and nothing waits.";
  return { text: findings.length ? doing : `${doing} Nothing stands out.`, tone: grave ? "bad" : findings.length ? "warn" : "good", findings };
}

const TILES = [
  { name: "Throughput", series: "throughput", show: (status, brain) => [rate(brain.one("throughput").points.at(-1)?.value ?? 0), "tasks/s"],
    note: (status) => `${count(status.stats.total_tasks_completed + status.stats.total_tasks_failed)} in all` },
  { name: "Success rate", series: "success", top: () => 1.05, show: (status, brain) => {
      const { completed, failed } = brain.recently();
      return [percent(completed + failed ? completed / (completed + failed) : 1), "lately"];
    }, note: (status) => `${several(status.stats.total_tasks_failed, "failure")} in all` },
  { name: "Waiting tasks", series: "waiting", show: (status) => [count(Object.values(status.categories).reduce((sum, each) => sum + each.queued, 0)), ""],
    note: (status) => `${count(status.pending_tasks)} not ended` },
  { name: "Threads at work", series: "threads", top: (status) => status.max_threads, show: (status) => [count(status.active_threads), `of ${status.max_threads}`],
    note: (status) => `${count(status.total_threads)} live, ${count(status.abandoned_threads)} abandoned` },
  { name: "Loop lag", series: "lag", top: () => null, show: (status) => [span(status.loop_lag), ""], note: (status) => `p99 ${span(status.loop_lag_p99)}` },
  { name: "Memory", series: "memory", show: (status) => [size(status.memory_bytes), ""],
    note: (status) => `peak ${size(status.peak_memory_bytes)}` },
  { name: "Processor", series: "cpu", show: (status) => [status.cpu_percent === null ? "–" : `${Math.round(status.cpu_percent)} %`, ""],
    note: () => "of one core" },
  { name: "Decisions", series: "decisions", show: (status, brain) => {
      const lately = brain.decisions.filter((each) => Date.parse(status.timestamp) - Date.parse(each.timestamp) < 600000).length;
      return [lately && lately === MOST_DECISIONS ? `${lately}+` : count(lately), "in 10 min"];
    },
    note: (status, brain) => { const last = brain.decisions.at(-1); return last ? `${last.type.replaceAll("_", " ")}, ${clock(last.timestamp)}` : `none; up ${span(status.uptime)}`; } },
];

class Tile {
  constructor(parent, tile) {
    this.tile = tile;
    this.value = document.createTextNode("");
    this.unit = h("small");
    this.note = h("div", { class: "note" });
    this.canvas = h("canvas", { class: "spark", "aria-hidden": "true" });
    parent.append(h("article", { class: "panel tile" }, h("h2", {}, tile.name), h("div", { class: "value" }, this.value, " ", this.unit), this.note, this.canvas));
  }

  update(status, brain) {
    const [value, unit] = this.tile.show(status, brain);
    if (this.value.data !== value) this.value.data = value;
    say(this.unit, unit);
    say(this.note, this.tile.note(status, brain));
    drawSpark(this.canvas, brain.one(this.tile.series), { top: this.tile.top?.(status) ?? null, token: this.tile.token ?? "series" });
  }
}

function makeCard(each) {
  const card = h("a", { class: "panel category", href: `#/stream?category=${encodeURIComponent(each.name)}` });
  card.parts = {
    busy: document.createTextNode(""), of: h("small"), queued: h("span"), lost: h("span"), used: h("span"),
    fill: h("i"), gone: h("i", { class: "lost" }), canvas: h("canvas", { class: "spark", "aria-hidden": "true" }),
  };
  const { busy, of, queued, lost, used, fill, gone, canvas } = card.parts;
  card.parts.figure = h("span", { class: "busy" }, busy, " ", of);
  card.append(
    h("header", {}, h("h3", {}, each.name), card.parts.figure),
    h("p", { class: "facts" }, used, queued, lost),
    h("div", { class: "meter", "aria-hidden": "true" }, fill, gone), canvas);
  return card;
}

function updateCard(card, each, brain) {
  const { busy, of, queued, lost, used, fill, gone, canvas, figure } = card.parts;
  busy.data = count(each.active);
  mark(figure, "class", each.active ? "busy" : "busy calm");
  say(of, each.max === each.configured ? `of ${each.max} busy` : `of ${each.max} busy (began with ${each.configured})`);
  say(used, `${percent(each.utilization)} used`);
  say(queued, `${count(each.queued)} queued`);
  mark(queued, "class", each.queued ? (each.overloaded ? "alarm" : "loud") : null);
  say(lost, `${count(each.abandoned)} abandoned`);
  mark(lost, "title", `of ${count(each.abandoned_budget)} that may be`);
  mark(lost, "class", each.abandoned ? "alarm" : null);
  fill.style.width = `${(each.active / (each.max + each.abandoned)) * 100}%`;
  mark(fill, "class", each.active >= each.max ? "full" : null);
  gone.style.width = `${(each.abandoned / (each.max + each.abandoned)) * 100}%`;
  const marks = brain.decisions.filter((one) => one.applied && brain.categoryOf(one.context) === each.name).map((one) => Date.parse(one.timestamp));
  drawSpark(canvas, brain.one(`category ${each.name}`), { top: 1, marks });
}
