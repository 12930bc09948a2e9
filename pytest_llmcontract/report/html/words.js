// How numbers and names are written, and how elements are made. Texts of the ledger are never read as HTML.

/** An element. Children may be nodes, texts or lists; attributes and children that are nothing are left out. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.flat(3).filter(Boolean));
  return made;
}

const sub = (...children) => element("span", { class: "sub" }, ...children);

const whole = (number) => Math.round(number).toLocaleString("en-US");

/** `12 calls`, `1 call`. */
const counted = (number, one, many = `${one}s`) => `${whole(number)} ${number === 1 ? one : many}`;

const joined = (parts, between = ", ") => parts.filter(Boolean).join(between);

/** The largest of any number of figures; `Math.max` takes only so many. */
const largest = (figures, least = 0) => figures.reduce((most, figure) => Math.max(most, figure), least);

/** Digits after the point that show *dollars*: at least *digits*, and of what is less two that are not 0. */
const decimals = (dollars, digits) => Math.min(20, Math.max(digits, 1 - Math.floor(Math.log10(dollars || 1))));

/** What costs something is never written as nothing. */
const money = (dollars, digits = 6) => "$" + dollars.toLocaleString("en-US",
  { minimumFractionDigits: 2, maximumFractionDigits: dollars < 10 ** -digits ? decimals(dollars, digits) : digits });

/** Six decimals in columns, so that points stand below each other. */
const moneyColumn = (dollars) => {
  if (dollars === 0) return "$0";
  const digits = dollars < 1e-6 ? decimals(dollars, 6) : 6;
  return "$" + dollars.toLocaleString("en-US", { minimumFractionDigits: 6, maximumFractionDigits: digits });
};

/** In a column where most rows have none, a zero is only noise. */
const someOrNothing = (number) => (number ? whole(number) : "");

/** `0.25 s`, `43.2 s`, `2 h 5 min`, `31 d 15 min`. */
function duration(seconds) {
  if (seconds < 120) return `${Number(seconds.toFixed(2))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  const days = hours < 72 ? 0 : Math.floor(hours / 24);
  const parts = [[days, "d"], [hours - 24 * days, "h"], [minutes % 60, "min"]];
  return parts.filter(([number]) => number).map(([number, unit]) => `${whole(number)} ${unit}`).join(" ");
}

/** `0%`, `4.2%`, `97%`, `99.9%`: what is nearly nothing or nearly full does not look as if it were. */
function percent(share) {
  if (share > 0 && share < 0.001) return "<0.1%";
  if (share > 0.99 && share < 1) return `${Math.floor(1000 * share) / 10}%`;
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
  lost: { word: "no reply, or cut off", sign: "◆", marker: "diamond" },
};

/** `200`, `429 rate_limit_exceeded`, `200, cut off`. */
const answerOf = (call) =>
  joined([joined([call.status ?? "no reply", call.error], " "), call.cut && "cut off"]);

function outcomeOf(status) {
  if (status === null) return "lost";
  if (status < 400) return "ok";
  if ([413, 429, 498].includes(status)) return "limit";
  return status < 500 ? "client" : "server";
}

/** What kinds of things happen to accounts, by word, sign and marker; what is in none of `of` is `other`. */
const HAPPENINGS = {
  shut: { word: "no call is let in", sign: "✕", marker: "x", shade: "limit", of: ["blocked", "restricted", "suspended", "past_due"] },
  trouble: {
    word: "trouble ahead", sign: "▲", marker: "triangle", shade: "server",
    of: ["alert", "payment_failed", "declined", "reminder", "link", "pending", "recharge_off"],
  },
  bill: { word: "billed or used", sign: "■", marker: "square", shade: "client", of: ["invoice", "charge", "threshold", "carried_over"] },
  money: {
    word: "money came", sign: "◆", marker: "diamond", shade: "ok",
    of: ["payment", "purchase", "grant", "unblocked", "unrestricted"],
  },
  other: { word: "anything else", sign: "●", marker: "circle", shade: "lost", of: [] },
};

const happeningOf = (event) =>
  Object.keys(HAPPENINGS).find((name) => HAPPENINGS[name].of.includes(event.what)) ?? "other";

/** Outcomes of a test that turn a build red. */
const BAD = ["failed", "error", "crashed"];

const SEVERITIES = { error: "✕", warning: "▲", note: "●" };

const mark = (kind, sign) => element("span", { class: `mark ${kind}`, "aria-hidden": "true" }, sign);

const place = (id) => document.querySelector(`#${id} .list`);

/** A call's number that opens it when pressed. */
const callButton = (call, open) =>
  element("button", { type: "button", class: "link", title: "Open this call", onclick: () => open(call) }, `call ${whole(call.number)}`);

const outcomeMark = (test) => BAD.includes(test.outcome) && mark("error", "✕");

/** A test's name that narrows the page to it when pressed. */
function testButton(test, choose, name = test.id) {
  if (test.index < 0) return name;
  const attributes = { type: "button", class: "link", title: `Only ${test.id}`, onclick: () => choose(test.id) };
  return element("button", attributes, name);
}
