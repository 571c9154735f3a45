// Copying text, with a word that it worked.

import { byId } from "./dom.js";

const SHOWN_MS = 1600;

/**
 * Copy a text; the button says so for a moment.
 * @param {string} text
 * @param {HTMLElement} button
 * @param {string} [done] what it then says
 */
export async function copy(text, button, done = "Copied") {
  const before = [...button.childNodes];
  const isDone = await put(text);
  const told = isDone ? done : "Copying is not allowed here";
  button.replaceChildren(told);
  byId("said").textContent = told;
  setTimeout(() => button.replaceChildren(...before), SHOWN_MS);
}

async function put(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return putOldWay(text); // over plain HTTP from another machine there is no clipboard object
  }
}

function putOldWay(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "said";
  document.body.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  return isDone;
}
