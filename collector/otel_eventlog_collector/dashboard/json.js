// JSON for people, without reading it: numbers beyond 2^53 (nanoseconds) would come out changed.

const STEP = "  ";

/**
 * Indent the text of a JSON value; not one character of its values changes.
 * @param {string} text compact or not
 * @returns {string}
 */
export function indented(text) {
  let made = "";
  let depth = 0;
  const line = () => "\n" + STEP.repeat(depth);
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|\{\s*\}|\[\s*\]|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === "{" || token === "[") {
      depth += 1;
      made += token + line();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      made += line() + token;
    } else if (token === ",") made += token + line();
    else if (token === ":") made += ": ";
    else made += token;
  }
  return made;
}
