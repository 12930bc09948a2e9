// The sections of the page: each builds its place once and is then shown one selection after the other.

const place = (id) => document.querySelector(`#${id} .list`);

/** A test's name that narrows the page to it when pressed. */
const testButton = (test, choose, name = test.id) =>
  test.index < 0
    ? name
    : element("button", { type: "button", class: "link", title: `Only ${test.id}`, onclick: () => choose(test.id) }, name);

/** Outcomes of a test that turn a build red. */
const BAD = ["failed", "error", "crashed"];

/** In a column where most rows have none, a zero is only noise. */
const someOrNothing = (number) => (number ? whole(number) : "");

const shareCell = (share) => [
  percent(share),
  element("meter", { min: 0, max: 1, low: 0.8, high: 0.999, optimum: 0, value: Math.min(share, 1), "aria-hidden": "true" }),
];

/** The figures on top. */
function summarySection() {
  const tiles = document.getElementById("tiles");
  const tile = (name, figure, note) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, figure), element("dd", {}, note));

  return {
    show({ tests, calls, findings, limits }) {
      const all = totals(calls);
      const failed = tests.filter((test) => BAD.includes(test.outcome)).length;
      const found = (severity) => findings.filter((finding) => finding.severity === severity).length;
      const tightest = [...limits].sort((a, b) => b.share - a.share)[0];
      const sources = [...grouped(calls.filter((call) => call.tokens), (call) => call.source)]
        .map(([source, rows]) => [source, sum(rows, "tokens")])
        .sort((a, b) => b[1] - a[1]);
      const longest = Math.max(0, ...tests.map((test) => test.seconds));
      tiles.replaceChildren(
        tile("Tests", whole(tests.length), failed ? `${whole(failed)} failed` : "none failed"),
        tile("Calls", whole(all.calls), `${whole(all.refused)} refused, ${counted(all.retries, "retry").replace("retrys", "retries")}`),
        tile("Tokens", whole(all.tokens), sources.map(([source, tokens]) => `${percent(tokens / all.tokens)} ${source}`).join(", ")),
        tile("Cost at list price", money(all.cost, all.cost < 1 ? 4 : 2), `${whole(all.input)} in, ${whole(all.output)} out`),
        tile("Findings", counted(found("error"), "error"), `${counted(found("warning"), "warning")}, ${counted(found("note"), "note")}`),
        tile("Fullest limit", tightest ? percent(tightest.share) : "–", tightest ? `${tightest.kind}, ${tightest.model}` : "no limit was asked"),
        tile("Virtual time", duration(tests.reduce((total, test) => total + test.seconds, 0)), `longest test ${duration(longest)}`),
      );
    },
  };
}

/** Budgets, broken ones first; they belong to the session and its tests, so the filter leaves them alone. */
function budgetTable(choose) {
  const here = document.getElementById("budgets");
  if (!LEDGER.budgets.length) return;
  const figure = (budget, value) =>
    budget.name === "cost" ? money(Number(value)) : typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 4 }) : value;
  new PagedTable(here, {
    caption: "Budgets",
    size: 10,
    columns: [
      { title: "Budget", head: true, cell: (row) => [row.name, row.detail ? sub(row.detail) : ""], value: (row) => row.name },
      { title: "Of", cell: (row) => (row.scope === "session" ? "the session" : testButton(testOf(row), choose)), value: (row) => testOf(row).id },
      { title: "Used", number: true, cell: (row) => [figure(row, row.used), row.source ? sub(row.source) : ""], value: (row) => Number(row.used) },
      { title: "Limit", number: true, cell: (row) => figure(row, row.limit), value: (row) => Number(row.limit) },
      { title: "Kept", cell: (row) => (row.ok ? [mark("ok", "●"), "yes"] : [mark("error", "✕"), "broken"]), value: (row) => row.ok },
    ],
  }).show([...LEDGER.budgets].sort((a, b) => a.ok - b.ok || (a.scope > b.scope ? -1 : 1)));
}

/** Findings, the gravest first, equal ones once. */
function findingsSection(choose) {
  const table = new PagedList(place("findings"), { caption: "Findings", size: 20, item: (group) => findingItem(group, choose) });
  const order = Object.keys(SEVERITIES);
  return {
    show({ findings, filtered }) {
      const groups = [...grouped(findings, (row) => [row.severity, row.code, row.message, row.site].join("\n")).values()];
      groups.sort((a, b) => order.indexOf(a[0].severity) - order.indexOf(b[0].severity));
      table.show(groups, filtered && FINDINGS.length ? "No finding passes the filter." : "Nothing was found.");
    },
  };
}

function findingItem(group, choose) {
  const [finding] = group;
  const tests = [...new Set(group.map((row) => testOf(row)))];
  const facts = [
    ["field", finding.path], ["sent", finding.sent], ["allowed", finding.allowed], ["provider", finding.answer],
    ["contract", finding.contract], ["sent by", finding.site], ["how to fix", finding.fix], ["more", `llmcontract explain ${finding.code}`],
  ].filter(([, text]) => text && text !== "nothing");
  const times = group.length > 1 ? ` · ${group.length} times` : "";
  return element("details", { class: `finding ${finding.severity}` },
    element("summary", {},
      mark(finding.severity, SEVERITIES[finding.severity]),
      element("span", { class: "hidden" }, `${finding.severity}: `),
      element("b", {}, finding.code), finding.message,
      sub([finding.site, tests.length > 1 ? counted(tests.length, "test") : tests[0].id].filter(Boolean).join(" · ") + times)),
    element("div", { class: "body" },
      element("dl", {}, facts.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)])),
      finding.difference ? [element("h3", {}, "Difference"), differenceText(finding.difference)] : "",
      element("div", { class: "beside" },
        [["Request", finding.request], ["Reply", finding.reply]].filter(([, text]) => text).map(([title, text]) =>
          element("div", {}, element("h3", {}, title), element("pre", { tabindex: "0", "aria-label": title }, indented(text))))),
      element("h3", {}, tests.length > 1 ? "In these tests" : "In this test"),
      element("ul", {}, tests.slice(0, 10).map((test) => element("li", {}, testButton(test, choose))),
        tests.length > 10 ? element("li", {}, `and ${tests.length - 10} more`) : "")));
}

/** JSON on several lines; what is none, or was cut, as it is. */
function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function differenceText(text) {
  const kinds = { "+": "added", "-": "removed" };
  return element("pre", { tabindex: "0", "aria-label": "Difference" },
    text.split("\n").map((line) => element("span", { class: kinds[line[0]] }, `${line}\n`)));
}

/** Tests with their timeline; the chart shows the tests on the table's page. */
function testsSection(choose) {
  const chart = new Chart(document.getElementById("timeline"), { zoom: true });
  const radios = document.getElementById("timeline-axis");
  let chosen = null; // until somebody chooses: virtual seconds if any passed
  let calls = new Map();
  let seen = [];
  const rows = new Map();

  const draw = () => {
    const shown = seen.filter((test) => calls.has(test.index));
    const theirs = shown.flatMap((test) => calls.get(test.index));
    const axis = chosen ?? axisFor(theirs);
    radios.querySelector(`[value=${axis}]`).checked = true;
    if (!theirs.length) return chart.show("No call passes the filter.");
    const used = Object.entries(OUTCOMES).filter(([name]) => theirs.some((call) => call.outcome === name));
    chart.show(
      `${counted(theirs.length, "call")} of ${counted(shown.length, "test")}, those on this page of the table below.`,
      used.map(([name, { sign, word }]) => [name, sign, word]),
      rowsHeight(shown.length),
      (width) => timelinePlot(shown, theirs, axis, width),
    );
  };
  radios.addEventListener("change", (event) => { chosen = event.target.value; draw(); });

  const figures = (title, name, written = whole) => {
    const value = (test) => rows.get(test.index)[name];
    return { title, number: true, value, cell: (test) => written(value(test)) };
  };
  const table = new PagedTable(place("tests"), {
    caption: "Tests",
    size: 25,
    onpage: (page) => { seen = page; draw(); },
    columns: [
      { title: "Test", head: true, cell: (test) => testButton(test, choose), value: (test) => test.id },
      { title: "Outcome", cell: (test) => [BAD.includes(test.outcome) ? mark("error", "✕") : "", test.outcome], value: (test) => test.outcome },
      figures("Calls", "calls"),
      figures("Refused", "refused", someOrNothing),
      figures("Retries", "retries", someOrNothing),
      figures("Tokens", "tokens"),
      figures("Cost", "cost", moneyColumn),
      { title: "Virtual time", number: true, cell: (test) => duration(test.seconds), value: (test) => test.seconds },
      figures("Findings", "findings", someOrNothing),
    ],
  });
  return {
    chart,
    show({ tests, calls: selected, findings }) {
      calls = grouped(selected, (call) => call.test);
      const found = grouped(findings, (finding) => finding.test);
      for (const { index } of tests) {
        rows.set(index, { ...totals(calls.get(index) ?? []), findings: found.get(index)?.length ?? 0 });
      }
      table.show(tests);
    },
  };
}

/** How full every limit got, and for one test how it came to that. */
function limitsSection(choose) {
  const chart = new Chart(document.getElementById("levels"), { zoom: true });
  let calls = [];

  /** The levels of the fullest buckets of one test; of *bucket* first, if one was asked for. */
  const draw = (bucket) => {
    if (!bucket) return chart.show("No call passes the filter whose limits are known.");
    const theirs = calls.filter((call) => call.test === bucket.drawn && Object.keys(call.limits).length);
    const axis = axisFor(theirs);
    const found = buckets(theirs).sort((a, b) => (b.key === bucket.key) - (a.key === bucket.key) || b.share - a.share);
    const [asked] = found;
    const series = found.slice(0, LINES.length).map(({ provider, model, kind }) => ({
      name: `${kind} ${model}`,
      points: theirs
        .filter((call) => call.provider === provider && call.model === model && call.limits[kind])
        .map((call) => levelPoint(call, kind, axis)),
    }));
    const refusals = sum(found, "refusals");
    const more = found.length - series.length;
    chart.show(
      `Levels after each call in ${testOf(asked).id}: ${asked.kind} of ${asked.model} peaked at ${percent(asked.share)}; ` +
        `limits refused ${counted(refusals, "call")}.` + (more > 0 ? ` ${counted(more, "emptier limit")} not drawn.` : ""),
      [...series.map((line, index) => [`series-${index + 1}`, LINES[index].sign, line.name]), ...(refusals ? [["limit", "✕", "refused"]] : [])],
      LEVELS_HEIGHT,
      () => levelsPlot(series, axis),
    );
  };

  const table = new PagedTable(place("limits"), {
    caption: "Limits",
    size: 15,
    columns: [
      { title: "Limit", head: true, cell: (row) => [row.kind, sub(`${row.provider} ${row.plan}`)], value: (row) => row.kind },
      { title: "Model", cell: (row) => row.model, value: (row) => row.model },
      { title: "Peak", number: true, cell: (row) => [`${whole(row.used)} of ${whole(row.limit)}`], value: (row) => row.used },
      { title: "Share", number: true, first: true, cell: (row) => shareCell(row.share), value: (row) => row.share },
      { title: "Refusals", number: true, cell: (row) => whole(row.refusals), value: (row) => row.refusals },
      { title: "Peaked in", cell: (row) => testButton(testOf(row), choose), value: (row) => testOf(row).id },
      { title: "Chart", cell: (row) => element("button", { type: "button", onclick: () => draw(row), "aria-label": `Draw ${row.kind} of ${row.model}` }, "Draw") },
    ],
  });
  return {
    chart,
    show(selected) {
      calls = selected.calls;
      table.show(selected.limits);
      draw([...selected.limits].sort((a, b) => (b.refusals > 0) - (a.refusals > 0) || b.share - a.share)[0]);
    },
  };
}

function levelPoint(call, kind, axis) {
  const [used, limit] = call.limits[kind];
  const refused = call.refusedBy === kind;
  return { x: call[axis], percent: limit ? (100 * used) / limit : 0, level: `${whole(used)} of ${whole(limit)}`, refused };
}

/** Cost and tokens by model or by test. */
function spendSection(choose) {
  const costs = new Chart(document.getElementById("cost"));
  const tokens = new Chart(document.getElementById("tokens"));
  const radios = document.getElementById("spend-by");
  const MOST = 12;
  let by = "model";
  let calls = [];

  const table = new PagedTable(place("spend"), {
    caption: "Cost and tokens",
    size: 15,
    columns: [
      { title: "Name", head: true, cell: (row) => (row.test ? testButton(row.test, choose) : row.name), value: (row) => row.name },
      { title: "Calls", number: true, cell: (row) => whole(row.calls), value: (row) => row.calls },
      { title: "Input", number: true, cell: (row) => whole(row.input), value: (row) => row.input },
      { title: "of it cached", number: true, cell: (row) => whole(row.cached), value: (row) => row.cached },
      { title: "Output", number: true, cell: (row) => whole(row.output), value: (row) => row.output },
      { title: "Cost", number: true, first: true, cell: (row) => moneyColumn(row.cost), value: (row) => row.cost },
    ],
  });

  const update = () => {
    const groups = [...grouped(calls, (call) => (by === "test" ? call.test : `${call.provider} ${call.model}`.trim()))].map(
      ([key, rows]) => ({ name: by === "test" ? testOf(rows[0]).id : key, test: by === "test" ? testOf(rows[0]) : null, ...totals(rows) }));
    table.show(groups);
    bars(costs, groups, "cost", "Cost", (value) => money(value, value < 1 ? 6 : 2), [], () => [[colour("series-1"), 0.85, (group) => group.cost]], "$0,0.[000000]");
    bars(tokens, groups, "tokens", "Tokens", whole,
      [["series-1", "■", "input"], ["series-3", "■", "cached input"], ["series-2", "■", "output"]],
      () => [
        [colour("series-1"), 0.85, (group) => group.input - group.cached],
        [colour("series-3"), 0.85, (group) => group.cached],
        [colour("series-2"), 0.85, (group) => group.output],
      ], "0,0");
  };

  /** The largest by *measure*, what is left in one bar. */
  const bars = (chart, groups, measure, title, format, key, parts, tickFormat) => {
    const sorted = groups.filter((group) => group[measure] > 0).sort((a, b) => b[measure] - a[measure]);
    if (!sorted.length) return chart.show(`${title} by ${by}: nothing to show.`);
    const rest = sorted.slice(MOST);
    const shown = sorted.slice(0, MOST).map((group) => ({ ...group, name: group.test ? testName(group.name) : group.name }));
    if (rest.length) {
      const sums = Object.fromEntries(["input", "cached", "output", "tokens", "cost"].map((name) => [name, sum(rest, name)]));
      shown.push({ name: counted(rest.length, `other ${by}`), ...sums });
    }
    shown.forEach((group, row) => Object.assign(group, { row, label: format }));
    chart.show(`${title} by ${by}: ${sorted[0].name} most, ${format(sorted[0][measure])} of ${format(sum(sorted, measure))}.`,
      key, rowsHeight(shown.length), (width) => barsPlot(shown, parts(), title === "Cost" ? "US dollars" : "tokens", tickFormat, width));
  };

  radios.addEventListener("change", (event) => { by = event.target.value; update(); });
  return {
    charts: [costs, tokens],
    show(selected) { calls = selected.calls; update(); },
  };
}

/** Every call. */
function callsSection(choose) {
  const flags = (call) =>
    [call.stream && "stream", call.scripted && "scripted", call.recorded && "recorded", call.attempt > 1 && `attempt ${call.attempt}`].filter(Boolean).join(", ");
  const table = new PagedTable(place("calls"), {
    caption: "Calls",
    size: 50,
    columns: [
      { title: "Test", head: true, cell: (call) => [testButton(testOf(call), choose, testName(testOf(call).id)), sub(`call ${call.number}`)], value: (call) => testOf(call).id },
      { title: "At", number: true, cell: (call) => [duration(call.at), sub(`took ${duration(call.took)}`)], value: (call) => call.at },
      { title: "Call", cell: (call) => [call.model || "–", sub(`${call.provider} ${call.plan} · ${call.operation}`)], value: (call) => call.model },
      {
        title: "Answer",
        cell: (call) => [
          mark(call.outcome, OUTCOMES[call.outcome].sign), String(call.status ?? "no reply"), call.error ? ` ${call.error}` : "",
          sub([call.refusedBy && `by ${call.refusedBy}`, call.retryAfter !== null && `retry after ${duration(call.retryAfter)}`, flags(call)].filter(Boolean).join(", ")),
        ],
        value: (call) => call.status ?? 0,
      },
      { title: "Input", number: true, cell: (call) => [whole(call.input), call.cached ? sub(`${whole(call.cached)} cached`) : ""], value: (call) => call.input },
      { title: "Output", number: true, cell: (call) => [whole(call.output), call.tokens ? sub(call.source) : ""], value: (call) => call.output },
      { title: "Cost", number: true, cell: (call) => moneyColumn(call.cost), value: (call) => call.cost },
      { title: "From", cell: (call) => [call.site || "–", sub(call.client)], value: (call) => call.site },
    ],
  });
  return { show({ calls }) { table.show(calls); } };
}
