// Elements made from data. Text goes in as text nodes only, so nothing stored can become markup.

export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "onclick") made.addEventListener("click", value);
    else if (key === "className") made.className = value;
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

export function svg(name, attributes, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  made.append(...children);
  return made;
}

// 2026-11-23 10:42:00.123 in UTC, or in the reader's own time.
export function timeText(iso, utc) {
  if (utc) return iso.slice(0, 10) + " " + iso.slice(11, 23) + "Z";
  const date = new Date(iso);
  const two = (number) => String(number).padStart(2, "0");
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join("-");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  return `${day} ${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

export function durationText(nanoseconds) {
  if (nanoseconds === null || nanoseconds === undefined) return "";
  const ms = nanoseconds / 1e6;
  return ms < 1000 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(2)} s`;
}
