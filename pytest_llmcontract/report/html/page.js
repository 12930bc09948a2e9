// The page itself: one filter, one theme, and the sections that follow them.

const form = document.getElementById("filter");
const main = document.querySelector("main");
const FIELDS = ["text", "test", "outcome", "provider", "model", "status", "code"];

const choose = (test) => {
  form.elements.test.value = test;
  update();
  document.getElementById("tests").scrollIntoView();
};

const dialog = new CallDialog({ choose, onchange: (call) => { openCall = call; keepAddress(); } });
let openCall = null;

/** Open *call* among *calls*, which are those of its test unless somebody says so. */
const open = (call, calls = CALLS.filter((other) => other.test === call.test)) => dialog.open(call, calls);

const SECTIONS = [summarySection, findingsSection, batterySection, testsSection, limitsSection, spendSection, accountsSection, callsSection];
const sections = SECTIONS.map((section) => section(choose, open));
const charts = sections.flatMap((section) => section.charts ?? []);

function update() {
  const selected = selection(filterState());
  for (const section of sections) section.show(selected);
  document.getElementById("selected").textContent = selectedText(selected);
  keepAddress();
  main.ariaBusy = "false";
}

const filterState = () => Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value.trim()]));

/** The address keeps the filter and the call that is open, so that a link can point at what one sees. */
function keepAddress() {
  const state = { ...filterState(), call: openCall ? String(openCall.index) : "" };
  const kept = new URLSearchParams(Object.entries(state).filter(([, value]) => value)).toString();
  history.replaceState(null, "", kept ? `#${kept}` : location.pathname + location.search);
}

function openFromAddress(address) {
  const index = new URLSearchParams(address.slice(1)).get("call");
  if (index !== null && CALLS[index]) open(CALLS[index]);
}

function selectedText({ calls, tests, findings, filtered }) {
  const parts = [[calls, CALLS, "call"], [tests, TESTS, "test"], [findings, FINDINGS, "finding"]];
  if (!filtered) return `All ${joined(parts.map(([, all, noun]) => counted(all.length, noun)))}`;
  return joined(parts.map(([some, all, noun]) => `${counted(some.length, noun)} of ${whole(all.length)}`));
}

function fillFilter() {
  const option = ([value, text]) => element("option", { value }, text);
  const options = (name, values) => form.elements[name].replaceChildren(...[["", "all"], ...values].map(option));
  const distinct = (rows, fact) => [...new Set(rows.map(fact))].filter(Boolean).sort();
  const plain = (values) => values.map((value) => [value, value]);
  const statuses = [...grouped(CALLS, (call) => call.status)].sort(([a], [b]) => (a ?? 0) - (b ?? 0));
  const bad = TESTS.some((test) => BAD.includes(test.outcome)) ? [["bad", "failed in any way"]] : [];
  options("outcome", [...bad, ...plain(distinct(TESTS, (test) => test.outcome))]);
  options("provider", plain(distinct([...CALLS, ...FINDINGS, ...EVENTS], (row) => row.provider)));
  options("model", plain(distinct(CALLS, (call) => call.model)));
  const named = statuses.map(([status]) => [String(status), String(status ?? "no reply")]);
  options("status", [["refused", "all but answered"], ...named]);
  options("code", plain(distinct(FINDINGS, (finding) => finding.code)));
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) {
    if (FIELDS.includes(name)) form.elements[name].value = value;
  }
}

/** Names that match what is typed; a list of all would be as long as the suite. */
function offerTests() {
  const typed = form.elements.test.value.toLowerCase();
  const names = TESTS.filter((test) => test.id.toLowerCase().includes(typed)).slice(0, 20);
  document.getElementById("test-names").replaceChildren(...names.map((test) => element("option", { value: test.id })));
}

function describeSession() {
  const [first] = LEDGER.sessions;
  const editions = Object.entries(LEDGER.editions).map(([provider, days]) => `${provider} ${days.join(", ")}`);
  const parts = [
    first && `${first.started.slice(0, 16).replace("T", " ")} UTC`,
    LEDGER.sessions.length > 1 && `${LEDGER.sessions.length} sessions`,
    editions.length && `facts of ${editions.join("; ")}`,
    LEDGER.tool,
  ];
  document.getElementById("session").textContent = joined(parts, " · ");
}

// Theme: as the system says, until the button says otherwise.

const themeButton = document.getElementById("theme");
const system = matchMedia("(prefers-color-scheme: dark)");
let dark = null;

function setTheme() {
  const isDark = dark ?? system.matches;
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
  themeButton.setAttribute("aria-pressed", String(isDark));
  for (const chart of charts) chart.redraw();
}

themeButton.addEventListener("click", () => { dark = !(dark ?? system.matches); setTheme(); });
system.addEventListener("change", setTheme);
addEventListener("beforeprint", () => charts.forEach((chart) => chart.copyForPaper()));
addEventListener("afterprint", () => document.querySelectorAll(".paper").forEach((copy) => copy.remove()));

addEventListener("hashchange", () => openFromAddress(location.hash));

// Typing waits a moment, choosing does not.

let pause;
form.addEventListener("input", (event) => {
  clearTimeout(pause);
  main.ariaBusy = "true";
  if (event.target.name === "test") offerTests();
  pause = setTimeout(update, event.target.tagName === "INPUT" ? 150 : 0);
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(update)); // once the fields are empty

const address = location.hash;
describeSession();
fillFilter();
offerTests();
setTheme();
update();
openFromAddress(address);
