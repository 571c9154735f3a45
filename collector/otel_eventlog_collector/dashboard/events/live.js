// The live tail: what is committed appears on top, unless somebody is reading.
//
// While one reads (scrolled away, a row chosen, the pointer moving over the rows) nothing moves under
// the eyes: what comes is counted and waits.

import { follow } from "../api.js";

const BATCH_MS = 250; // rows are put in together
const POINTING_MS = 3000; // after the pointer has rested that long, nobody points any more
const WAITING_MAX = 2000; // more than that is read again from the collector

/**
 * Make the tail; it is off at first.
 * @param {{
 *   onRows: (events: any[]) => void,
 *   onTooMany: () => void,
 *   onState: (state: "off"|"connecting"|"live"|"lost") => void,
 *   onWaiting: (count: number) => void,
 *   onGap: (text: string) => void,
 *   isReading: () => boolean,
 * }} told onRows: event logs in the order of their commits; onTooMany: ask for the list again
 */
export function createLive({ onRows, onTooMany, onState, onWaiting, onGap, isReading }) {
  let stop = null;
  let timer = 0;
  let waiting = [];
  let isOver = false; // more came than is kept
  let pointed_ms = -Infinity;

  function deliver() {
    timer = 0;
    if (isReading() || performance.now() - pointed_ms < POINTING_MS) {
      onWaiting(isOver ? Infinity : waiting.length);
      if (waiting.length) timer = setTimeout(deliver, BATCH_MS); // the pointer may come to rest
      return;
    }
    release();
  }

  function release() {
    clearTimeout(timer);
    timer = 0;
    const events = waiting;
    waiting = [];
    onWaiting(0);
    if (isOver) {
      isOver = false;
      onTooMany();
    } else if (events.length) onRows(events);
  }

  function end() {
    stop?.();
    stop = null;
    clearTimeout(timer);
    timer = 0;
    waiting = [];
    isOver = false;
    onWaiting(0);
  }

  return {
    /**
     * Watch; what was watched before ends. Resolves once nothing can be missed any more.
     * @param {[string, string][]} parameters
     * @returns {Promise<void>}
     */
    start(parameters) {
      end();
      onState("connecting");
      return new Promise((resolve) => {
        stop = follow(parameters, {
          onEvent(event) {
            if (waiting.length < WAITING_MAX) waiting.push(event);
            else isOver = true;
            timer ||= setTimeout(deliver, BATCH_MS);
          },
          onGap,
          onState(isConnected) {
            onState(isConnected ? "live" : "lost");
            resolve();
          },
        });
      });
    },

    /** Watch no more. */
    stop() {
      end();
      onState("off");
    },

    /** Let what waits appear now. */
    resume() {
      pointed_ms = -Infinity;
      release();
    },

    /** The pointer moved over the rows. */
    point() {
      pointed_ms = performance.now();
    },

    /** The pointer left the rows. */
    unpoint() {
      pointed_ms = -Infinity;
    },
  };
}
