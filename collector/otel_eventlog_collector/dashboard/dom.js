// Elements made from data. Text goes in as text nodes only, so nothing stored can become markup.

const HIDDEN_MS = 250; // a page that is not seen is not painted

/**
 * Make an element. `class`, `dataset` and `on…` are understood; `true` sets, null and false leave out.
 * @param {string} name
 * @param {Record<string, any>} [properties]
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {any}
 */
export function element(name, properties = {}, ...children) {
  return filled(document.createElement(name), properties, children);
}

/**
 * Make an SVG element.
 * @param {string} name
 * @param {Record<string, any>} [properties]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {any}
 */
export function svg(name, properties = {}, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", name), properties, children);
}

/**
 * An icon of the sprite in index.html; decoration only, the text beside it says what it means.
 * @param {string} name
 * @returns {SVGElement}
 */
export function icon(name) {
  return svg("svg", { class: "icon", "aria-hidden": "true" }, svg("use", { href: `#icon-${name}` }));
}

/**
 * A status as shape, colour and word.
 * @param {string} status start, success or error; or in_progress, no_outcome
 * @returns {HTMLElement}
 */
export function statusMark(status) {
  return element("span", { class: `status ${status}` }, icon(status), element("span", { class: "word" }, status.replace("_", " ")));
}

/**
 * Find an element that index.html is known to have.
 * @param {string} id
 * @returns {any}
 */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * Resolves when what was drawn is on the screen: what can wait begins then, since it would only slow
 * that down.
 * @returns {Promise<void>}
 */
export function painted() {
  return new Promise((resolve) => {
    requestAnimationFrame(() => setTimeout(resolve));
    setTimeout(resolve, HIDDEN_MS);
  });
}

function filled(made, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(made.dataset, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(key, String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false).map(asNode));
  return made;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}
