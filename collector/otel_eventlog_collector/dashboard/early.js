// What runs before the page is there: the theme, and the first question, so that its answer is on its way
// while everything else is still being read. Served as a script that is no module.

import { stateOf } from "./address.js";
import { firstQuestion, pathOf } from "./questions.js";
import { startTheme } from "./theme.js";

startTheme();
const question = firstQuestion(stateOf(location.search));
if (question) {
  const path = pathOf(...question);
  const answer = fetch(path);
  const body = answer.then((found) => found.json());
  body.catch(() => {}); // api.js, which takes it, tells
  globalThis.early = { path, answer, body };
}
