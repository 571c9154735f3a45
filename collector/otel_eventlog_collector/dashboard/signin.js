// Signing in and out, where the collector was given a token file.

import { signIn, signOut, who } from "./api.js";
import { element, icon } from "./dom.js";

/**
 * Ask for a token in place of a view. The URL stays, so that nothing is lost by it.
 * @param {HTMLElement} place
 * @param {string} told why, for people; "" where there is nothing more to say
 * @param {() => void} onSignedIn
 */
export function showSignIn(place, told, onSignedIn) {
  const input = element("input", {
    type: "password", id: "token", name: "token", autocomplete: "current-password", required: true, spellcheck: "false", "aria-describedby": "token-help",
  });
  const button = element("button", { type: "submit", class: "primary" }, "Sign in");
  const wrong = element("p", { class: "wrong", role: "alert" }, told);
  const submit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    wrong.textContent = "";
    try {
      await signIn(input.value.trim());
      onSignedIn();
    } catch (error) {
      wrong.textContent = sentence(error.message);
      button.disabled = false;
      input.select();
      input.focus();
    }
  };
  place.replaceChildren(
    element(
      "form", { class: "sign-in", onsubmit: submit },
      element("h1", {}, "Sign in"),
      element("p", { id: "token-help" }, "This collector shows its event logs to those who hold a token of scope read. Whoever runs it makes one:"),
      element("pre", {}, "otel-eventlog token create --scope read"),
      element("label", { for: "token" }, "Token"),
      element("div", { class: "inline" }, input, button),
      wrong,
    ),
  );
  input.focus();
}

/**
 * Draw the way out, if somebody is signed in.
 * @param {HTMLElement} place
 */
export async function showSignedIn(place) {
  const found = await who().catch(() => null);
  place.replaceChildren();
  if (!found?.signed_in) return;
  const out = async () => {
    await signOut().catch(() => {});
    place.replaceChildren();
    dispatchEvent(new CustomEvent("needs-token", { detail: "You are signed out." }));
  };
  const title = found.name ? `Sign out (signed in with the token ${found.name})` : "Sign out";
  place.append(element("button", { type: "button", class: "quiet icon-only", title, "aria-label": "Sign out", onclick: out }, icon("out")));
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}
