// The rows of a list, page by page: what the table scrolls over. No DOM here.
//
// Pages follow each other by the API's keyset cursors. Pages far from what is seen are given back
// (only their cursor and length stay) and are asked for again when somebody scrolls there, so a list
// of a million rows holds some thousands.

const PAGE_NEXT = 300;
const PAGE_ASKED_MAX = 1000; // the API's own limit
const PAGES_KEPT = 30; // around the place that is seen
const LATE_ROWS = 50; // room for rows that came late into a page that is asked for again

/** More cannot be scrolled to: browsers end near 33 million pixels. */
export const ROWS_MAX = 1_000_000;

/**
 * A line of the table: an event log, or a request with both halves.
 * @typedef {object} Row
 * @property {string} id
 * @property {string} time RFC 3339 with nanoseconds, which sorts as text
 * @property {any} data
 */

/**
 * @typedef {object} Page
 * @property {string|null} cursor
 * @property {Row[]|null} rows null: given back
 * @property {number} count
 * @property {Row|null} last its last row, also when given back
 * @property {boolean} isLoading
 */

/** Rows of one question; a new question gets a new object. */
export class Rows {
  /** @type {Page[]} */ #pages = [];
  /** @type {string|null} */ #next = null;
  /** @type {Row[]} what came live before the first page */ #early = [];
  #isDone = false;
  #isEnded = false;
  #isLoading = false;
  #load;
  #isBefore;
  #onChange;
  #onError;

  /**
   * @param {(limit: number|undefined, cursor: string|null) => Promise<{rows: Row[], next: string|null}>} load
   *   limit: undefined for the first page
   * @param {(isFirst: boolean) => void} onChange rows came, or changed
   * @param {(error: Error) => void} onError
   * @param {boolean} isOldestFirst as `load` gives them
   */
  constructor(load, onChange, onError, isOldestFirst = false) {
    this.#load = load;
    this.#isBefore = isOldestFirst ? (row, other) => isNewer(other, row) : isNewer;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  /** @returns {number} rows known so far */
  get count() {
    return this.#pages.reduce((sum, page) => sum + page.count, 0);
  }

  /** @returns {boolean} whether the first answer is there */
  get isReady() {
    return this.#pages.length > 0;
  }

  /** @returns {boolean} whether there is nothing beyond `count` */
  get isComplete() {
    return this.#isDone;
  }

  /** @returns {boolean} whether there is more than can be scrolled to */
  get isCut() {
    return this.#isDone && this.#next !== null;
  }

  /** The answers still on their way are of no interest any more. */
  end() {
    this.#isEnded = true;
  }

  /**
   * @param {number} index
   * @returns {Row|null} null: not known, or given back; `need` brings it
   */
  at(index) {
    const place = this.#place(index);
    return place?.page.rows?.[place.offset] ?? null;
  }

  /**
   * @param {string} id
   * @returns {number} -1 where it is not among the rows that are held
   */
  indexOf(id) {
    let before = 0;
    for (const page of this.#pages) {
      const offset = page.rows?.findIndex((row) => row.id === id) ?? -1;
      if (offset >= 0) return before + offset;
      before += page.count;
    }
    return -1;
  }

  /**
   * Bring rows that are about to be seen, and give back those far away.
   * @param {number} first
   * @param {number} last
   */
  need(first, last) {
    const seen = [this.#place(first), this.#place(last)].map((place) => place?.number ?? this.#pages.length);
    for (let number = seen[0]; number <= Math.min(seen[1], this.#pages.length - 1); number += 1) {
      if (!this.#pages[number].rows) this.#again(this.#pages[number]);
    }
    if (last >= this.count && !this.#isDone) this.#more();
    this.#giveBack(seen[0], seen[1]);
  }

  /**
   * Put a row where it belongs by time; a row of the same id is replaced.
   * @param {Row} row
   */
  put(row) {
    if (!this.isReady) {
      this.#early.push(row);
      return;
    }
    for (const page of this.#pages) {
      const at = page.rows?.findIndex((one) => one.id === row.id) ?? -1;
      if (at < 0) continue;
      page.rows[at] = row;
      if (page.last?.id === row.id) page.last = row;
      return;
    }
    const last = this.#pages.length - 1;
    const number = this.#pages.findIndex((page, n) => (n === last && this.#isDone) || (page.last && this.#isBefore(row, page.last)));
    const page = this.#pages[number];
    if (!page?.rows) return; // it is found when that page is asked for
    const found = page.rows.findIndex((one) => this.#isBefore(row, one));
    page.rows.splice(found < 0 ? page.rows.length : found, 0, row);
    this.#count(page);
  }

  /** Take a row out. @param {string} id */
  remove(id) {
    for (const page of this.#pages) {
      const at = page.rows?.findIndex((row) => row.id === id) ?? -1;
      if (at < 0) continue;
      page.rows.splice(at, 1);
      page.count = page.rows.length; // `last` stays: it says how far the page reaches
    }
  }

  async #more() {
    if (this.#isLoading) return;
    this.#isLoading = true;
    const isFirst = !this.#pages.length;
    try {
      const found = await this.#load(isFirst ? undefined : PAGE_NEXT, this.#next);
      if (this.#isEnded) return;
      const page = { cursor: this.#next, rows: found.rows, count: 0, last: null, isLoading: false };
      this.#count(page);
      this.#pages.push(page);
      this.#next = found.next;
      this.#isDone = found.next === null || this.count >= ROWS_MAX;
      this.#isLoading = false;
      for (const row of this.#early.splice(0)) this.put(row);
      this.#onChange(isFirst);
    } catch (error) {
      this.#isLoading = false;
      if (!this.#isEnded && error.name !== "AbortError") this.#onError(error);
    }
  }

  async #again(page) {
    if (page.isLoading) return;
    page.isLoading = true;
    try {
      const found = await this.#load(Math.min(PAGE_ASKED_MAX, page.count + LATE_ROWS), page.cursor);
      if (this.#isEnded) return;
      page.rows = found.rows.filter((row) => !page.last || !this.#isBefore(page.last, row));
      this.#count(page);
      this.#onChange(false);
    } catch (error) {
      if (!this.#isEnded && error.name !== "AbortError") this.#onError(error);
    } finally {
      page.isLoading = false;
    }
  }

  #giveBack(first, last) {
    const spare = Math.max(0, PAGES_KEPT - (last - first));
    this.#pages.forEach((page, number) => {
      if (number < first - spare / 2 || number > last + spare / 2) page.rows = null;
    });
  }

  #count(page) {
    page.count = page.rows.length;
    page.last = page.rows.at(-1) ?? page.last;
  }

  #place(index) {
    let before = 0;
    for (let number = 0; number < this.#pages.length; number += 1) {
      const page = this.#pages[number];
      if (index < before + page.count) return { page, number, offset: index - before };
      before += page.count;
    }
    return null;
  }
}

// Whether a row is newer than another: by time and then by id, as the API sorts.
function isNewer(row, other) {
  return row.time > other.time || (row.time === other.time && row.id > other.id);
}
