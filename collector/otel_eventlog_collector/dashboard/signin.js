// Signing in and out, where the collector was given a token file.

import { hasToken, keepToken } from "./api.js";
import { element, icon } from "./dom.js";

/**
 * Ask for a token in place of a view.
 * @param {HTMLElement} place
 * @param {string} told what the collector answered
 * @param {() => void} onSignedIn
 */
export function showSignIn(place, told, onSignedIn) {
  const input = element("input", { type: "password", autocomplete: "off", required: true, "aria-label": "Token" });
  const submit = (event) => {
    event.preventDefault();
    keepToken(input.value.trim());
    onSignedIn();
  };
  place.replaceChildren(
    element(
      "form", { class: "sign-in", onsubmit: submit },
      element("h2", {}, "Sign in"),
      element("p", {}, told),
      element("p", {}, input, " ", element("button", { type: "submit", class: "primary" }, "Sign in")),
    ),
  );
  input.focus();
}

/**
 * Draw the way out, if somebody is signed in.
 * @param {HTMLElement} place
 */
export function showSignedIn(place) {
  const out = () => {
    keepToken("");
    location.reload();
  };
  place.replaceChildren(
    ...(hasToken() ? [element("button", { type: "button", class: "quiet icon-only", title: "Sign out", "aria-label": "Sign out", onclick: out }, icon("out"))] : []),
  );
}
