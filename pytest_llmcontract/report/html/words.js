// How numbers and names are written, and how elements are made. Texts of the ledger are never read as HTML.

/** An element. Attributes whose value is false or undefined are left out; children may be nodes, texts or lists. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child !== "" && child != null));
  return made;
}

const sub = (...children) => element("span", { class: "sub" }, ...children);

const whole = (number) => Math.round(number).toLocaleString("en-US");

/** `12 calls`, `1 call`. */
const counted = (number, noun) => `${whole(number)} ${noun}${number === 1 ? "" : "s"}`;

/** Six decimals in columns, so that points stand below each other. */
const money = (dollars, digits = 6) =>
  "$" + dollars.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: digits });
const moneyColumn = (dollars) =>
  dollars === 0 ? "$0" : "$" + dollars.toLocaleString("en-US", { minimumFractionDigits: 6, maximumFractionDigits: 6 });

/** `0.25 s`, `43.2 s`, `2 h 5 min`. */
function duration(seconds) {
  if (seconds < 120) return `${Number(seconds.toFixed(2))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return minutes % 60 ? `${whole(hours)} h ${minutes % 60} min` : `${whole(hours)} h`;
}

function percent(share) {
  if (share > 0 && share < 0.001) return "<0.1%";
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)}%`;
}

/** A long name with its middle left out; the end of a node id says most. */
function shortened(name, most) {
  if (name.length <= most) return name;
  const tail = Math.ceil(most * 0.7);
  return `${name.slice(0, most - tail - 1)}…${name.slice(-tail)}`;
}

/** The name of a test without its file. */
const testName = (id) => id.split("::").slice(1).join("::") || id;

/** What became of a call: its word, its sign here and its marker in charts, so that no colour is needed to tell. */
const OUTCOMES = {
  ok: { word: "answered", sign: "●", marker: "circle" },
  limit: { word: "refused by a limit (413, 429, 498)", sign: "✕", marker: "x" },
  client: { word: "other 4xx", sign: "■", marker: "square" },
  server: { word: "5xx", sign: "▲", marker: "triangle" },
  lost: { word: "no reply", sign: "◆", marker: "diamond" },
};

function outcomeOf(status) {
  if (status === null) return "lost";
  if (status < 400) return "ok";
  if ([413, 429, 498].includes(status)) return "limit";
  return status < 500 ? "client" : "server";
}

const SEVERITIES = { error: "✕", warning: "▲", note: "●" };

const mark = (kind, sign) => element("span", { class: `mark ${kind}`, "aria-hidden": "true" }, sign);
