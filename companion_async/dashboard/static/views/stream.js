// The task stream: who worked on what, when, for how long, and how it ended.

import { moduleToken } from "../colours.js";
import { choice, empty, h, Keyed, mark, say } from "../dom.js";
import { clock, count, percent, rate, several, span } from "../format.js";
import { Poll } from "../poll.js";
import { Runs, end, from, isGrave } from "../runs.js";
import { get } from "../server.js";
import { Timeline } from "../timeline.js";

const EACH = 500; // milliseconds
const BEHIND = 0.7; // seconds: the right edge, so that what ends between two answers is there when it comes into view
const SPANS = [[10, "10 s"], [30, "30 s"], [60, "1 min"], [300, "5 min"]];
const STATES = { running: "running", completed: "completed", failed: "failed", retrying: "failed, tried again", timed_out: "timed out", cancelled: "cancelled", abandoned: "given up, its thread still in it" };

export const title = "Task stream";
export const lead = "A row is a worker thread, a bar is a run. Red failed, hatched timed out, empty is idle: tasks that wait beside idle threads are held back by something.";

// What was seen is kept while the page is open, so that leaving the view loses nothing of what was asked for.
const runs = new Runs();

export function mount(root, { brain, params }) {
  let length = 30, paused = null, category = params.get("category") ?? "", chosen = null, dirty = true, frame = 0, drawnAt = 0;

  const pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => hold(paused === null) }, "Pause");
  const zooms = SPANS.map(([seconds, text]) => h("button", { type: "button", "aria-pressed": String(seconds === length), onclick: () => zoom(seconds) }, text));
  const which = h("span");
  const canvas = h("canvas", { class: "stream", tabindex: "0", role: "img", "aria-label": "Task stream" });
  const tip = h("div", { class: "tip", hidden: true });
  const sampled = h("p", { class: "muted small", role: "status" });
  const nothing = empty("No thread has worked yet", "A worker thread starts with the first task of its category. Its row appears here by itself.",
    'task = brain.submit("thumbnails", "run", path)');
  const legend = h("section", { class: "legend", "aria-label": "By module, in view" });
  const picked = h("section", { class: "panel picked", hidden: true, "aria-label": "The chosen run" });
  const slowest = h("tbody", { class: "only" });
  root.append(
    h("div", { class: "row controls" }, pause, h("div", { class: "row", role: "group", "aria-label": "Time shown" }, zooms), which),
    h("div", { class: "panel stage" }, canvas, nothing, tip), sampled, legend, picked,
    h("h2", {}, "Longest in view"),
    h("div", { class: "panel table" }, h("table", { class: "cards" }, h("thead", {}, h("tr", {}, ["Task", "Module", "Thread", "Began", "Ran", "Ended"].map((text) => h("th", {}, text)))), slowest)));

  const timeline = new Timeline(canvas);
  const modules = new Keyed(legend, (each) => each.module, (each) => {
    const element = h("div", { class: "entry" }, h("span", { class: "swatch", style: { background: `var(--${moduleToken(each.module)})` } }), h("b", {}, each.module), h("span", { class: "muted" }));
    return element;
  }, (element, each) => say(element.lastChild, `${percent(each.share)} of thread time, ${several(each.runs, "run")}${each.grave ? `, ${count(each.grave)} ended badly` : ""}`));
  const longest = new Keyed(slowest, (run) => `${run.task_id} ${run.began}`, (run) => h("tr", {},
    h("td", { "data-label": "Task", class: "lead-cell" }, taskLink(run)),
    h("td", { "data-label": "Module" }, h("span", { class: "name" }, h("span", { class: "swatch", style: { background: `var(--${moduleToken(run.module)})` } }), run.module)),
    h("td", { "data-label": "Thread" }, run.worker || "on the loop"), h("td", { "data-label": "Began" }, clock(run.began * 1000, true)),
    h("td", { "data-label": "Ran" }), h("td", { "data-label": "Ended" })), (element, run) => {
      say(element.children[4], span(run.seconds));
      say(element.children[5], STATES[run.state] ?? run.state);
      mark(element.children[5], "class", isGrave(run) ? "problem" : null);
    });

  const poll = new Poll(() => get(`api/threads/runs${runs.cursor ? `?after=${encodeURIComponent(runs.cursor)}` : ""}`), EACH, (answer) => {
    runs.take(answer);
    dirty = true;
  });

  function hold(wanted) {
    paused = wanted && runs.now ? runs.time - BEHIND : null;
    say(pause, paused === null ? "Pause" : "Go on");
    mark(pause, "aria-pressed", String(paused !== null));
    dirty = true;
    summarise();
  }

  function zoom(seconds) {
    length = seconds;
    SPANS.forEach(([each], place) => mark(zooms[place], "aria-pressed", String(each === seconds)));
    dirty = true;
    summarise();
  }

  function move(share) {
    if (paused === null) hold(true);
    if (paused !== null) paused = Math.min(paused + length * share, runs.time - BEHIND);
    dirty = true;
    summarise();
  }

  function rows() {
    const names = Object.keys(brain.status?.categories ?? {});
    const start = (paused ?? runs.time - BEHIND) - length;
    // A thread that has gone keeps its row until its last run has left the view.
    return runs.sorted(category ? names.filter((name) => name === category) : names)
      .filter((row) => (row.alive && !row.onLoop) || (row.runs.length && end(row.runs.at(-1)) >= start));
  }

  let marks = [];
  function noteDecisions() {
    marks = brain.decisions.filter((each) => each.applied)
      .map((decision) => ({ time: Date.parse(decision.timestamp) / 1000, category: brain.categoryOf(decision.context), decision }))
      .filter((each) => !category || each.category === category);
  }

  function draw() {
    frame = requestAnimationFrame(draw);
    if (!runs.now || !canvas.isConnected) return;
    const stop = paused ?? runs.time - BEHIND;
    // Nothing has moved by a pixel: the picture would be the same.
    if (!dirty && (stop - drawnAt) * ((timeline.width ?? 1000) / length) < 1) return;
    const shown = rows();
    nothing.hidden = shown.length > 0;
    canvas.hidden = shown.length === 0;
    if (!shown.length) return;
    timeline.marks = marks;
    timeline.layOut(shown);
    timeline.draw(stop - length, stop, runs.time, runs.since, chosen);
    [dirty, drawnAt] = [false, stop];
  }

  /** The figures under the picture: slower than the picture, so that they can be read. */
  function summarise() {
    if (!runs.now) return;
    const stop = paused ?? runs.time - BEHIND, start = stop - length, found = [], byModule = new Map();
    const seen = Math.max(0.5, stop - Math.max(start, runs.since));
    let time = 0;
    for (const row of rows()) {
      time += seen;
      const parts = row.runs.slice(from(row.runs, start)).filter((run) => run.began <= stop);
      if (row.current && row.current.began <= stop) parts.push({ ...row.current, seconds: runs.time - row.current.began });
      for (const run of parts) {
        const inView = Math.min(end(run), stop) - Math.max(run.began, start);
        const entry = byModule.get(run.module) ?? { module: run.module, share: 0, runs: 0, grave: 0 };
        entry.share += inView;
        entry.runs += 1;
        entry.grave += isGrave(run);
        byModule.set(run.module, entry);
        found.push(run);
      }
    }
    const entries = [...byModule.values()].map((each) => ({ ...each, share: Math.min(1, each.share / (time || 1)) }));
    const order = brain.modules;
    modules.show(entries.sort((a, b) => order.indexOf(a.module) - order.indexOf(b.module)));
    longest.show(found.sort((a, b) => b.seconds - a.seconds).slice(0, 8));
    const missing = runs.leftOut.filter((each) => each.time >= start && each.time <= stop + 1).reduce((sum, each) => sum + each.count, 0);
    const whole = found.length + missing;
    say(sampled, `${several(whole, "run")} in view, ${rate(whole / seen)} a second. ` + (missing
      ? `${percent(missing / whole)} of them are not drawn: an answer carries at most 1,000, those that failed first, then the longest.`
      : `Every one of them is drawn${runs.unseen ? `, but ${count(runs.unseen)} that were queued before anybody looked` : ""}; where several share a pixel, they share a mark.`)
      + (runs.since > start ? ` What was before ${clock(runs.since * 1000)} is not known here: runs are recorded while somebody looks.` : ""));
    mark(canvas, "aria-label", `Task stream of ${several(rows().length, "thread")}, ${span(length)} up to ${clock(stop * 1000)}: `
      + (entries.map((each) => `${each.module} ${percent(each.share)}`).join(", ") || "idle") + ".");
  }

  function hover(event) {
    const found = timeline.rows.length ? timeline.at(event.offsetX, event.offsetY) : null;
    tip.hidden = !found;
    canvas.style.cursor = found ? "pointer" : "default";
    if (!found) return;
    tip.replaceChildren(...(found.mark ? aboutDecision(found.mark.decision) : aboutRun(found.run, found.row)));
    const right = event.offsetX > canvas.clientWidth / 2;
    tip.style.left = right ? "auto" : `${event.offsetX + 28}px`;
    tip.style.right = right ? `${canvas.clientWidth - event.offsetX + 12}px` : "auto";
    tip.style.top = `${event.offsetY + 22}px`;
  }

  function choose(event) {
    const found = timeline.rows.length ? timeline.at(event.offsetX, event.offsetY) : null;
    chosen = found?.run ?? null;
    picked.hidden = !chosen;
    if (chosen) picked.replaceChildren(h("div", { class: "row spread" }, h("b", {}, chosen.module), h("button", { type: "button", class: "quiet", onclick: () => { chosen = null; picked.hidden = true; dirty = true; } }, "Close")), ...aboutRun(chosen, found.row), taskLink(chosen));
    dirty = true;
  }

  canvas.addEventListener("pointermove", hover);
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; });
  canvas.addEventListener("click", choose);
  const summary = setInterval(() => { if (paused === null) summarise(); }, 1000);
  draw();

  let offered = "";
  return {
    update() {
      const names = Object.keys(brain.status?.categories ?? {});
      if (names.join() !== offered) {
        offered = names.join();
        which.replaceChildren(choice("Category", [["", "all"], ...names.map((name) => [name, name])], category, (value) => { category = value; noteDecisions(); dirty = true; summarise(); }));
      }
      noteDecisions();
      dirty = true;
    },
    key(event) {
      const places = SPANS.map(([seconds]) => seconds), at = places.indexOf(length);
      if (event.key === " ") { if (event.target.closest("button, a")) return false; hold(paused === null); }
      else if (event.key === "ArrowLeft") move(-0.25);
      else if (event.key === "ArrowRight") move(0.25);
      else if (event.key === "+" || event.key === "=") zoom(places[Math.max(0, at - 1)]);
      else if (event.key === "-") zoom(places[Math.min(places.length - 1, at + 1)]);
      else return false;
      return true;
    },
    unmount() {
      poll.end();
      cancelAnimationFrame(frame);
      clearInterval(summary);
    },
  };
}

function taskLink(run) {
  return h("a", { href: `#/tasks/${encodeURIComponent(run.task_id)}`, class: "mono" }, run.task_id);
}

function aboutRun(run, row) {
  const seconds = run.seconds ?? 0;
  return [h("dl", { class: "facts" },
    h("dt", {}, "Task"), h("dd", { class: "mono" }, run.task_id),
    h("dt", {}, "Work"), h("dd", {}, run.target ? `${run.module}.${run.target}` : run.module),
    h("dt", {}, "Thread"), h("dd", {}, row.label),
    h("dt", {}, "State"), h("dd", {}, STATES[run.state] ?? run.state),
    h("dt", {}, "Began"), h("dd", {}, clock(run.began * 1000, true)),
    h("dt", {}, "Ran"), h("dd", {}, span(seconds)))];
}

function aboutDecision(decision) {
  return [h("b", {}, `${decision.type}: ${decision.context}`), h("div", { class: "wrap" }, decision.reason), h("div", { class: "muted" }, clock(decision.timestamp))];
}
