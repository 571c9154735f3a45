// The search language of `q`, read and written: `key:value -key:value "free text"`. Pure.
// The collector reads it by the same rules (query_parse/language.py); docs/api.md explains them.

const TOKEN = /\s*(-)?(?:([A-Za-z_]+)(!=|!:|:|=))?(?:"((?:[^"\\]|\\.)*)("|$)|(\S+))?/y;

/**
 * One piece of a search.
 * @typedef {object} Token
 * @property {string|null} key null for free text
 * @property {string} value without quotes
 * @property {boolean} negated
 * @property {boolean} quoted a star at the end of a quoted value is a star
 * @property {number} from where the piece begins in the text
 * @property {number} to where it ends
 */

/**
 * Split a search into its pieces. What is unfinished (`key:`) has an empty value.
 * @param {string} q
 * @returns {Token[]}
 */
export function tokens(q) {
  const found = [];
  const end = q.trimEnd().length;
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < end) {
    const start = TOKEN.lastIndex;
    const [text, minus, key, operator, quoted, , bare] = TOKEN.exec(q);
    if (!text) break;
    const value = quoted === undefined ? bare ?? "" : quoted.replace(/\\(["\\])/g, "$1");
    const negated = Boolean(minus) !== (operator === "!=" || operator === "!:");
    const from = start + text.length - text.trimStart().length;
    found.push({ key: key ?? null, value, negated, quoted: quoted !== undefined, from, to: start + text.length });
  }
  return found;
}

/**
 * Write one piece, quoted where it must be.
 * @param {string|null} key
 * @param {string} value taken literally: a star in it is a star
 * @param {boolean} [negated]
 * @returns {string}
 */
export function term(key, value, negated = false) {
  const plain = key ? /^[^\s"*\\]+$/ : /^[^\s"*\\:=-][^\s"*\\:=]*$/;
  const written = plain.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
  return `${negated ? "-" : ""}${key ? key + ":" : ""}${written}`;
}

/**
 * Tell whether a value is asked for ("include"), refused ("exclude") or neither ("").
 * @param {string} q
 * @param {string} key
 * @param {string} value
 * @returns {"include"|"exclude"|""}
 */
export function chosen(q, key, value) {
  const token = exact(q, key, value);
  if (!token) return "";
  return token.negated ? "exclude" : "include";
}

/**
 * Ask for a value, refuse it, or neither. Asking also takes back that it was refused.
 * @param {string} q
 * @param {string|null} key null for free text
 * @param {string} value
 * @param {"include"|"exclude"|""} wish
 * @returns {string}
 */
export function choose(q, key, value, wish) {
  const before = exact(q, key, value);
  const rest = before ? withoutToken(q, before) : q;
  if (!wish) return rest;
  return `${rest} ${term(key, value, wish === "exclude")}`.trim();
}

/**
 * Take one piece out.
 * @param {string} q
 * @param {Token} token one of `tokens(q)`
 * @returns {string}
 */
export function withoutToken(q, token) {
  return `${q.slice(0, token.from).trimEnd()} ${q.slice(token.to).trimStart()}`.trim();
}

/**
 * Take every piece about a key out.
 * @param {string} q
 * @param {string} key
 * @returns {string}
 */
export function withoutKey(q, key) {
  return tokens(q).filter((token) => token.key !== key).map((token) => q.slice(token.from, token.to)).join(" ");
}

/**
 * The piece a caret stands in or right behind, or an empty one where it stands between pieces.
 * @param {string} q
 * @param {number} caret
 * @returns {Token}
 */
export function tokenAt(q, caret) {
  const found = tokens(q).find((token) => token.from < caret && caret <= token.to);
  return found ?? { key: null, value: "", negated: false, quoted: false, from: caret, to: caret };
}

function exact(q, key, value) {
  return tokens(q).find(
    (token) => token.key === key && token.value === value && (token.quoted || !value.endsWith("*")),
  );
}
