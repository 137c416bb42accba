// Where the work stands right now: the stack of every busy thread, and of the loop's tasks.

import { moduleToken } from "../colours.js";
import { empty, h, say } from "../dom.js";
import { frame, several, span } from "../format.js";
import { Poll } from "../poll.js";
import { get } from "../server.js";

export const title = "Where is it waiting?";
export const lead = "The innermost call of every busy thread, looked up each two seconds. The same line again and again is what it waits for, or what it computes.";

export function mount(root, { brain }) {
  const report = h("p", { class: "muted", role: "status" }), threads = h("section", { class: "stacks", "aria-label": "Threads" }), loop = h("section", { "aria-label": "Tasks of the event loop" });
  const hold = h("button", { type: "button", "aria-pressed": "false", onclick: () => { held = !held; hold.setAttribute("aria-pressed", String(held)); say(hold, held ? "Go on" : "Hold still"); if (!held) poll.now(); } }, "Hold still");
  let held = false;
  root.append(h("div", { class: "row controls" }, hold), report, threads, loop);
  const poll = new Poll(() => get("api/threads/stacks"), 2000, show, (error) => {
    if (error.status === 403) threads.replaceChildren(empty("For operators", "Stacks name the files and functions of the application, so only an operator may look at them."));
  });

  function show(answer) {
    if (held) return;
    const open = new Set([...root.querySelectorAll("details[open]")].map((each) => each.dataset.key));
    say(report, answer.exposed ? `${several(answer.threads.length, "thread")} at work.` : "Stacks are hidden: the config has expose_errors off. What is known without them:");
    const sorted = [...answer.threads].sort((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0));
    threads.replaceChildren(...(sorted.length ? sorted.map((each) => thread(each, open)) : [empty("No thread is at work", "Nothing runs right now. When something does, its place in the code shows here.")]));
    const asleep = together(answer.tasks.filter((task) => task.stack.length));
    loop.replaceChildren(...(asleep.length ? [h("h2", {}, `Tasks of the event loop (${answer.tasks.length})`), ...asleep.map(({ names, stack }) =>
      folded(`loop ${names[0]}`, `${names[0]}${names.length > 1 ? ` and ${names.length - 1} more` : ""} · ${frame(stack.at(-1))}`, stack, open, names.length > 1 ? names : []))] : []));
  }
  return { unmount: () => poll.end() };
}

function thread(each, open) {
  const head = h("div", { class: "row" }, h("span", { class: "swatch", style: { background: `var(--${moduleToken(each.module)})` } }), h("b", {}, each.module), h("span", { class: "muted" }, each.worker.replace(/^companion-/, "")),
    h("span", { class: `badge ${each.state === "abandoned" ? "bad" : ""}` }, `${each.state} ${span(each.seconds)}`), h("a", { class: "mono", href: `#/tasks/${encodeURIComponent(each.task_id)}` }, each.task_id));
  return h("article", { class: "panel" }, head, each.stack.length ? folded(each.worker, frame(each.stack.at(-1)), each.stack, open) : "");
}

function folded(key, summary, stack, open, names = []) {
  return h("details", { "data-key": key, open: open.has(key) }, h("summary", { class: "mono wrap" }, summary),
    names.length ? h("p", { class: "muted small wrap" }, names.join(", ")) : "", h("pre", { tabindex: "0" }, [...stack].reverse().join("\n")));
}

/** Tasks that stand in the same place, as one: workers that wait for work are many. */
function together(tasks) {
  const places = new Map();
  for (const { name, stack } of tasks) {
    const place = stack.join("\n");
    if (!places.has(place)) places.set(place, { names: [], stack });
    places.get(place).names.push(name);
  }
  return [...places.values()];
}
