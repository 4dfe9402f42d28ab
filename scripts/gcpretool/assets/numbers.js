// Numbers and names in words, and the two functions that make elements. Nothing here knows the data.

const UNITS = ["B", "KB", "MB", "GB", "TB", "PB"];

function inBytes(count) {
  let unit = 0;
  while (count >= 1000 && unit < UNITS.length - 1) {
    count /= 1024;
    unit += 1;
  }
  return unit === 0 ? `${Math.round(count)} B` : `${count.toFixed(1)} ${UNITS[unit]}`;
}

function inSeconds(seconds) {
  if (seconds < 1e-3)
    return `${Math.round(seconds * 1e6)} µs`;
  if (seconds < 1)
    return `${(seconds * 1e3).toPrecision(3)} ms`;
  if (seconds < 120)
    return `${Number(seconds.toPrecision(3))} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function inPercent(part, whole) {
  return whole > 0 ? `${(100 * part / whole).toFixed(1)} %` : "0 %";
}

function counted(number, noun) {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

// The same name has the same colour on every page.
function hueOf(name) {
  let hash = 7;
  for (const letter of name)
    hash = (hash * 31 + letter.codePointAt(0)) % 65521;
  return hash % 360;
}

function matches(text, wanted) {
  return wanted !== "" && text.toLowerCase().includes(wanted.toLowerCase());
}

// Attributes that are functions listen to the event of their name; those that are null are left out.
function element(tag, attributes, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

function drawing(tag, attributes, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function")
      made.addEventListener(name, value);
    else if (value !== null)
      made.setAttribute(name, String(value));
  }
  made.append(...children);
  return made;
}
