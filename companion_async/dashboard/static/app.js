// The page's frame: which view is shown, whether the server answers, the theme and the keys.

import { Brain } from "./brain.js";
import { forgetColours } from "./colours.js";
import { h, mark, say } from "./dom.js";
import { span } from "./format.js";

const VIEWS = [
  ["overview", "Overview"],
  ["stream", "Task stream"],
  ["modules", "Modules"],
  ["tasks", "Tasks"],
  ["decisions", "Decisions"],
  ["locks", "Locks"],
  ["state", "State"],
  ["events", "Events"],
  ["waiting", "Where it waits"],
  ["ask", "Ask"],
];

const LATE = 3500; // milliseconds without an answer from which on what is shown is old

const brain = new Brain();
const main = document.getElementById("main");
const nav = document.getElementById("views");
let shown = { name: null, view: null };

for (const [place, [name, text]] of VIEWS.entries()) {
  nav.append(h("a", { href: `#/${name}`, "data-view": name }, text, h("kbd", { "aria-hidden": "true" }, String((place + 1) % 10))));
}

/** What the address asks for: the view, what comes behind it, and the parameters. */
function asked() {
  const [path, query = ""] = location.hash.replace(/^#\//, "").split("?");
  const [name, ...rest] = path.split("/");
  const known = VIEWS.some(([each]) => each === name) ? name : "overview";
  return { name: known, rest: rest.map(decodeURIComponent).join("/"), params: new URLSearchParams(query) };
}

let turn = 0;

async function show() {
  const route = asked();
  const mine = (turn += 1);
  const [module] = await Promise.all([import(`./views/${route.name}.js`), brain.ready]);
  if (mine !== turn) return;
  shown.view?.unmount?.();
  main.replaceChildren();
  const head = h("div", { class: "head" }, h("h1", {}, module.title), module.lead && h("p", { class: "lead" }, module.lead));
  main.append(head);
  document.title = `${module.title} · companion_async`;
  for (const link of nav.children) {
    mark(link, "aria-current", link.dataset.view === route.name ? "page" : null);
    if (link.dataset.view === route.name) link.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  const turned = shown.name !== null && shown.name !== route.name;
  shown = { name: route.name, view: module.mount(main, { brain, ...route }) };
  shown.view.update?.();
  if (turned) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

/** Say whether what is shown is true now. */
function pulse() {
  const silence = performance.now() - brain.answeredAt;
  const stale = brain.answeredAt > 0 && silence > LATE && !document.hidden;
  const element = document.getElementById("pulse");
  let state = "live", text = "Live";
  if (brain.problem?.status === 401) {
    [state, text] = ["stale", "Signed out: reload to sign in"];
  } else if (brain.problem?.status === 503) {
    [state, text] = ["stale", `${brain.problem.message} Trying again.`];
  } else if (!brain.answeredAt) {
    [state, text] = brain.problem ? ["stale", "No answer from the server; trying again"] : ["connecting", "Connecting"];
  } else if (stale || (brain.problem && silence > LATE)) {
    [state, text] = ["stale", `Stale: the last answer is ${span(Math.round(silence / 1000))} old; trying again`];
  }
  mark(element, "data-state", state);
  say(document.getElementById("pulse-text"), text);
  mark(main, "data-stale", state === "stale" && brain.answeredAt > 0);
}

brain.addEventListener("status", () => {
  const { role, signed_in } = brain.session;
  say(document.getElementById("who"), signed_in ? (role === "operator" ? "operator" : "read only") : "");
  document.getElementById("sign-out").hidden = !signed_in;
  shown.view?.update?.();
  pulse();
});
brain.addEventListener("problem", pulse);
setInterval(pulse, 1000);

// -- the theme --------------------------------------------------------------------------------------------------------

const THEMES = ["auto", "light", "dark"];
let theme = "auto";
try { theme = localStorage.getItem("companion theme") ?? "auto"; } catch { /* storage may be forbidden */ }

function useTheme(chosen) {
  theme = THEMES.includes(chosen) ? chosen : "auto";
  mark(document.documentElement, "data-theme", theme === "auto" ? null : theme);
  say(document.getElementById("theme"), `Theme: ${theme}`);
  try { localStorage.setItem("companion theme", theme); } catch { /* then it holds for this page */ }
  forgetColours();
  shown.view?.update?.();
}
useTheme(theme);
document.getElementById("theme").addEventListener("click", () => useTheme(THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length]));

// -- the keys ---------------------------------------------------------------------------------------------------------

const help = h("dialog", { "aria-label": "Keyboard" }, h("h2", {}, "Keyboard"),
  h("dl", { class: "facts" },
    ...VIEWS.flatMap(([, text], place) => [h("dt", {}, h("kbd", {}, String((place + 1) % 10))), h("dd", {}, text)]),
    h("dt", {}, h("kbd", {}, "/")), h("dd", {}, "To the filter of the view"),
    h("dt", {}, h("kbd", {}, "space")), h("dd", {}, "Pause what moves (task stream, events)"),
    h("dt", {}, h("kbd", {}, "+"), " ", h("kbd", {}, "−"), " ", h("kbd", {}, "←"), " ", h("kbd", {}, "→")), h("dd", {}, "Zoom and move along the task stream"),
    h("dt", {}, h("kbd", {}, "?")), h("dd", {}, "This list")),
  h("form", { method: "dialog" }, h("button", {}, "Close")));
document.body.append(help);
document.getElementById("keys").addEventListener("click", () => help.showModal());
document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });

document.addEventListener("keydown", (event) => {
  const busy = event.target.closest("input, textarea, select, dialog[open], summary") || event.ctrlKey || event.metaKey || event.altKey;
  if (busy) return;
  const place = "1234567890".indexOf(event.key);
  if (place >= 0 && place < VIEWS.length) location.hash = `#/${VIEWS[place][0]}`;
  else if (event.key === "?") help.showModal();
  else if (event.key === "/" && main.querySelector("[data-filter]")) main.querySelector("[data-filter]").focus();
  else if (!shown.view?.key?.(event)) return;
  event.preventDefault();
});

addEventListener("hashchange", show);
addEventListener("resize", () => shown.view?.update?.());
show();
brain.begin();
