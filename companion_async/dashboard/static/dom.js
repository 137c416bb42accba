// Making and changing elements. Text goes in as text only: there is no way here to hand in markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes, listeners (`onclick`), `style` as an object, and children: nodes or text. */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Set a text, if it is another: a selection in it survives, and readers of the screen are told of changes only. */
export function say(element, text) {
  const said = String(text);
  if (element.textContent !== said) element.textContent = said;
}

/** Set or remove an attribute. */
export function mark(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value === true ? "" : String(value));
}

/** Have `parent` hold one element for each item, in that order; an element stays with the item of its key. */
export class Keyed {
  constructor(parent, key, make, update) {
    Object.assign(this, { parent, key, make, update, elements: new Map() });
  }

  show(items) {
    const left = new Set(this.elements.keys());
    let place = this.parent.firstElementChild;
    for (const item of items) {
      const key = this.key(item);
      let element = this.elements.get(key);
      if (!element) this.elements.set(key, (element = this.make(item)));
      left.delete(key);
      if (element === place) place = place.nextElementSibling;
      else this.parent.insertBefore(element, place);
      this.update?.(element, item);
    }
    for (const key of left) {
      this.elements.get(key).remove();
      this.elements.delete(key);
    }
  }
}

/** What a view shows where there is nothing: what would be here, and how it gets here. */
export function empty(title, text, code = null) {
  return h("div", { class: "panel empty" }, h("h2", {}, title), h("p", {}, text), code && h("pre", {}, code));
}

/** A select of `[value, text]` pairs. */
export function choice(label, pairs, value, onchange) {
  const select = h("select", { onchange: () => onchange(select.value) },
    pairs.map(([each, text]) => h("option", { value: each, selected: each === value }, text)));
  return h("label", {}, label, select);
}
