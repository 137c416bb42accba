// Colours for canvases, which know no custom properties, and one colour for each module.

const PALETTE = 12;

const probe = document.createElement("i");
probe.hidden = true;
document.documentElement.append(probe);
let resolved = new Map();

/** The colour of a token (`"ink"`) in the scheme that is on. */
export function colour(token) {
  let found = resolved.get(token);
  if (!found) {
    probe.style.color = `var(--${token})`;
    resolved.set(token, (found = getComputedStyle(probe).color));
  }
  return found;
}

/** After the scheme has changed. */
export function forgetColours() { resolved = new Map(); }

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", forgetColours);

const places = new Map();

/** The token of a module's colour: the first modules that are seen have colours of their own, then they repeat. */
export function moduleToken(name) {
  if (!places.has(name)) places.set(name, places.size % PALETTE);
  return `c${places.get(name)}`;
}
