// The Events view.

/** @type {import("../router.js")} */
export function mount(place, state) {
  place.textContent = "Events";
}
export function update(state) {}
export function unmount() {}
