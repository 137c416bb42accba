// The decisions: what the brain did by itself, why, on which figures, and what came of it.

import { choice, empty, h, Keyed, mark, say } from "../dom.js";
import { moment } from "../format.js";

export const title = "Decisions";
export const lead = "What the brain decided by itself, and what a person asked for with a reason. The effect is measured afterwards.";

export function mount(root, { brain }) {
  let type = "", words = "";
  const filter = h("input", { type: "search", placeholder: "Filter by text", "aria-label": "Filter by text", "data-filter": true, oninput: () => { words = filter.value.toLowerCase(); show(); } });
  const kinds = h("span");
  const list = h("div", { class: "panel table" }), body = h("tbody", { class: "only" });
  list.append(h("table", { class: "cards" }, h("thead", {}, h("tr", {}, ["When", "What", "About", "Why and on which figures", "Effect"].map((text) => h("th", {}, text)))), body));
  const nothing = empty("No decisions yet", "Every few seconds the brain looks at its categories and modules. When it scales, heals, throttles or sheds, it says here what and why. Pausing a module by hand is noted here too.");
  const none = h("p", { class: "muted", hidden: true }, "Nothing here fits the filter.");
  root.append(h("div", { class: "row controls" }, filter, kinds), list, nothing, none);

  const rows = new Keyed(body, (each) => each.decision_id, makeRow, updateRow);
  let offered = "";
  function show() {
    const all = [...brain.decisions].reverse();
    const types = [...new Set(all.map((each) => each.type))].sort();
    if (types.join() !== offered) {
      offered = types.join();
      kinds.replaceChildren(choice("Kind", [["", "all"], ...types.map((each) => [each, each.replaceAll("_", " ")])], type, (value) => { type = value; show(); }));
    }
    const shown = all.filter((each) => (!type || each.type === type) && (!words || `${each.type} ${each.context} ${each.reason}`.toLowerCase().includes(words)));
    nothing.hidden = all.length > 0;
    list.hidden = !shown.length;
    none.hidden = !all.length || shown.length > 0;
    rows.show(shown);
  }
  return { update: show };
}

function makeRow(each) {
  const figures = { ...each.data };
  const fields = Object.entries(figures).filter(([name]) => name !== "inputs");
  const inputs = figures.inputs ? Object.entries(figures.inputs) : [];
  return h("tr", { "data-decision": each.decision_id },
    h("td", { "data-label": "When" }, moment(document, each.timestamp)),
    h("td", { "data-label": "What" }, h("span", { class: "badge accent" }, each.type.replaceAll("_", " "))),
    h("td", { "data-label": "About" }, h("b", { class: "about" }, each.context)),
    h("td", { class: "lead-cell" }, h("div", { class: "wrap" }, linked(each.reason)),
      fields.length || inputs.length ? h("details", { class: "small" }, h("summary", { class: "muted" }, each.rule ? `figures, rule ${each.rule}` : "figures"),
        h("dl", { class: "facts mono" }, [...fields, ...inputs].flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, shown(value))]))) : null),
    h("td", { "data-label": "Effect" }));
}

function updateRow(row, each) {
  const cell = row.lastElementChild, effect = each.outcome;
  let text = "", tone = "muted";
  if (!each.applied) [text, tone] = [each.error ? `not applied: ${each.error}` : "not applied", "problem"];
  else if (effect) {
    text = `${effect.metric.replaceAll("_", " ")} ${shown(effect.before)} → ${shown(effect.after)}${effect.met === null ? "" : effect.met ? ", as expected" : `, expected ${shown(effect.expected)}`}`;
    tone = effect.met === false ? "loud" : effect.met ? "well" : "muted";
  } else if (each.expectation) text = "measured soon";
  say(cell, text);
  mark(cell, "class", tone);
}

/** A text with links to the tasks that it names. */
function linked(text) {
  return text.split(/\b([0-9a-f]{8}-\d+)\b/).map((part, place) => (place % 2 ? h("a", { class: "mono", href: `#/tasks/${part}` }, part) : part));
}

function shown(value) {
  if (typeof value === "number") return Number.isInteger(value) ? value.toLocaleString("en") : String(Number(value.toPrecision(4)));
  return value !== null && typeof value === "object" ? JSON.stringify(value) : String(value ?? "–");
}
