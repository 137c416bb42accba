// The events as they come, with a filter.

import { choice, empty, h, mark, say } from "../dom.js";
import { clock, count, rate, size, span } from "../format.js";

const SHOWN = 300, HELD = 2000;
const FAMILIES = ["*", "task.*", "module.*", "decision.*", "category.*", "system.*", "state.*", "lock.*", "health.*"];
const KINDS = "task.queued task.started task.completed task.failed task.cancelled task.timed_out task.retrying module.started module.completed module.error module.restarted module.paused module.resumed category.resized system.overload system.recovered state.changed lock.deadlock decision.made health.checked".split(" ");
const BAD = new Set(["task.failed", "task.timed_out", "module.error", "system.overload", "lock.deadlock"]);

export const title = "Events";
export const lead = "Facts as they are published, the newest first.";

export function mount(root) {
  let family = "*", words = "", paused = false, held = [], dropped = 0, source = null, frame = 0, came = 0, rateNow = 0, fresh = true;
  const pause = h("button", { type: "button", "aria-pressed": "false", onclick: toggle }, "Pause");
  const filter = h("input", { type: "search", placeholder: "Filter by text", "aria-label": "Filter by text", "data-filter": true, oninput: () => { words = filter.value.toLowerCase(); fresh = true; later(); } });
  const report = h("p", { class: "muted small", role: "status" });
  const list = h("ol", { class: "events panel" });
  const nothing = empty("Listening", "Events appear here when tasks are submitted and end, modules change, the brain decides, or the state is changed.");
  root.append(h("div", { class: "row controls" }, pause, choice("Kinds", FAMILIES.map((each) => [each, each === "*" ? "all" : each]), family, (value) => { family = value; open(); }), filter), report, list, nothing);

  function open() {
    source?.close();
    [held, dropped, came, fresh] = [[], 0, 0, true];
    source = new EventSource(`api/events?kinds=${encodeURIComponent(family)}`);
    for (const kind of KINDS) source.addEventListener(kind, (event) => take(kind, event.data));
    source.addEventListener("dropped", (event) => { dropped += JSON.parse(event.data).count ?? 0; later(); });
    later();
  }

  function take(kind, data) {
    came += 1;
    held.push({ kind, data });
    if (held.length > HELD) held.splice(0, held.length - HELD);
    later();
  }

  /** Events come in bursts: they are shown once a frame at most. */
  function later() { if (!frame) frame = requestAnimationFrame(show); }

  let last = null;
  function show() {
    frame = 0;
    say(report, `${source.readyState === EventSource.OPEN ? "Open" : "Connecting"}; ${rate(rateNow)} a second.`
      + (dropped ? ` ${count(dropped)} were dropped because this page was too slow.` : "")
      + (held.length >= HELD ? ` The last ${count(HELD)} are kept here.` : ""));
    if (paused) return;
    const shown = held.filter((each) => !words || each.data.toLowerCase().includes(words) || each.kind.includes(words)).slice(-SHOWN);
    nothing.hidden = held.length > 0;
    list.hidden = !shown.length;
    if (fresh) list.replaceChildren();
    const begin = fresh || !last ? 0 : shown.lastIndexOf(last) + 1;
    fresh = false;
    list.prepend(...shown.slice(begin).reverse().map((each) => (each.element ??= line(each))));
    while (list.childElementCount > SHOWN) list.lastElementChild.remove();
    last = shown.at(-1) ?? null;
  }

  function toggle() {
    paused = !paused;
    say(pause, paused ? "Go on" : "Pause");
    mark(pause, "aria-pressed", String(paused));
    fresh = true;
    later();
  }

  const second = setInterval(() => { [rateNow, came] = [came, 0]; later(); }, 1000);
  open();
  return {
    key(event) {
      if (event.key !== " " || event.target.closest("button, a")) return false;
      toggle();
      return true;
    },
    unmount() {
      source.close();
      clearInterval(second);
      cancelAnimationFrame(frame);
    },
  };
}

function line({ kind, data }) {
  const event = JSON.parse(data), { timestamp, kind: _, task_id, module, category, ...rest } = event;
  const details = Object.entries(rest).filter(([name, value]) => value !== "" && value !== null && value !== false && !(name === "attempt" && value === 1) && value.length !== 0)
    .map(([name, value]) => detail(name, value)).join(" · ");
  return h("li", {}, h("time", { datetime: timestamp }, clock(timestamp, true)), h("span", { class: `kind ${BAD.has(kind) ? "problem" : ""}` }, kind),
    h("span", { class: "wrap" }, module ? h("b", {}, module) : category ? h("b", {}, category) : "", " ", task_id ? h("a", { class: "mono", href: `#/tasks/${encodeURIComponent(task_id)}` }, task_id) : "", " ", h("span", { class: "muted" }, details)));
}

function detail(name, value) {
  if (name === "error" && typeof value === "object") return value.message ? `${value.type}: ${value.message}` : `${value.type}, ${value.id} in the log`;
  if (["run_seconds", "wait_seconds", "loop_lag", "limit", "delay"].includes(name)) return `${name.replace("_seconds", "").replace("_", " ")} ${span(value)}`;
  if (name.endsWith("_bytes")) return `${name.replace("_bytes", "")} ${size(value)}`;
  return `${name.replaceAll("_", " ")} ${typeof value === "object" ? JSON.stringify(value) : value}`;
}
