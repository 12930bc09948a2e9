// The ledger as rows, and which of them the filter lets through.

const LEDGER = JSON.parse(document.getElementById("ledger").textContent);
const TESTS = LEDGER.tests.map((test, index) => ({ ...test, index }));
const CALLS = readCalls(LEDGER.calls);
const FINDINGS = LEDGER.violations;
const EVENTS = LEDGER.events.map((event) => ({ ...event, kind: happeningOf(event) }));
const ENTRIES = readEntries(LEDGER.money);

const NO_TEST = { id: "(outside of any test)", outcome: "", seconds: 0, index: -1 };
const testOf = (row) => (row.test === null ? NO_TEST : TESTS[row.test]);

/** One row for every call, from the columns in the page. */
function readCalls({ numbers, texts, limits, taken }) {
  const kinds = Object.entries(limits);
  const seen = new Map(); // test -> its calls so far
  return numbers.at.map((_, index) => {
    const call = { index, limits: {}, taken: {} };
    for (const [name, column] of Object.entries(numbers)) call[name] = column[index];
    for (const [name, column] of Object.entries(texts)) call[name] = column.of[column.at[index]];
    for (const [kind, column] of kinds) {
      if (!column[index]) continue;
      call.limits[kind] = column[index];
      call.taken[kind] = taken[kind][index];
    }
    call.owner = `${call.provider}\n${call.plan}\n${call.model}\n`; // of its limits
    call.outcome = call.cut ? "lost" : outcomeOf(call.status);
    call.tokens = call.input + call.output;
    call.number = (seen.get(call.test) ?? 0) + 1;
    seen.set(call.test, call.number);
    return call;
  });
}

/** One row for every entry, likewise. */
function readEntries({ numbers, texts }) {
  return numbers.at.map((_, index) => ({
    ...Object.fromEntries(Object.entries(numbers).map(([name, column]) => [name, column[index]])),
    ...Object.fromEntries(Object.entries(texts).map(([name, column]) => [name, column.of[column.at[index]]])),
  }));
}

/** Whose an entry or event is: one account for each provider in each test. */
const accountOf = (row) => `${row.provider}\n${row.test}`;

/** The codes found in each test and at each call, for the filter. */
const codesOfTest = new Map();
const codesOfCall = new Map();
for (const finding of FINDINGS) {
  const [map, key] = finding.call === null ? [codesOfTest, finding.test] : [codesOfCall, finding.call];
  map.set(key, (map.get(key) ?? new Set()).add(finding.code));
}

const callText = (call) =>
  (call.text ??= [
    testOf(call).id, testOf(call).failure, call.provider, call.plan, call.operation, call.model, answerOf(call),
    call.refusedBy, call.client, call.site,
    ...(codesOfCall.get(call.index) ?? []), ...(codesOfTest.get(call.test) ?? []),
  ].join("\n").toLowerCase());

const findingText = (finding) =>
  (finding.text ??= [
    testOf(finding).id, finding.code, finding.severity, finding.message, finding.provider, finding.operation,
    finding.path, finding.site,
  ].join("\n").toLowerCase());

const eventText = (event) =>
  (event.text ??= [testOf(event).id, event.provider, event.what, event.sentence].join("\n").toLowerCase());

const verdictText = (row) =>
  (row.text ??= [testOf(row).id, row.behaviour, row.about, row.client, row.provider, row.verdict, row.reason]
    .join("\n").toLowerCase());

/**
 * What passes the filter: `{tests, calls, findings, events, entries, judged, budgets, limits}`.
 *
 * A finding about a call passes with it; one about a whole test is held to text, test, provider and code only.
 * A test passes with any of its calls, findings or events, and its budgets with it; those of the session are of no
 * test. Events are held to text, test and provider; entries pass with their test, and with their call if they have one.
 */
function selection({ text, test, outcome, provider, model, status, code }) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const has = (row, textOf) => !words.length || words.every((word) => textOf(row).includes(word));
  const exact = TESTS.some((known) => known.id === test);
  const inTest = (row) =>
    (!test || (exact ? testOf(row).id === test : testOf(row).id.includes(test))) &&
    (!outcome || (outcome === "bad" ? BAD.includes(testOf(row).outcome) : testOf(row).outcome === outcome));

  const passes = (call) =>
    (!provider || call.provider === provider) &&
    (!model || call.model === model) &&
    (!status || (status === "refused" ? call.outcome !== "ok" : String(call.status) === status)) &&
    inTest(call);
  const coded = (call) => !code || codesOfCall.get(call.index)?.has(code) || codesOfTest.get(call.test)?.has(code);

  const calls = CALLS.filter((call) => passes(call) && coded(call) && has(call, callText));
  const findings = FINDINGS.filter(
    (finding) =>
      (!code || finding.code === code) &&
      (finding.call === null ? !model && !status && inTest(finding) : passes(CALLS[finding.call])) &&
      (!provider || !finding.provider || finding.provider === provider) &&
      has(finding, findingText),
  );
  const ofAccount = (row) => inTest(row) && (!provider || row.provider === provider);
  const ofCalls = Boolean(model || status || code);
  const events = EVENTS.filter((event) => !ofCalls && ofAccount(event) && has(event, eventText));
  const passed = new Set(calls.map((call) => call.index));
  const named = new Set([...calls, ...findings, ...events].map((row) => row.test));
  const filtered = Boolean(text || test || outcome || provider || model || status || code);
  const tests = filtered ? TESTS.filter((row) => named.has(row.index)) : TESTS;
  const entries = ENTRIES.filter((entry) =>
    ofAccount(entry) && named.has(entry.test) && (entry.call === null ? !ofCalls : passed.has(entry.call)));
  const judged = LEDGER.battery.filter((row) =>
    inTest(row) && (!provider || row.provider === provider) && !ofCalls && has(row, verdictText));
  const budgets = LEDGER.budgets.filter((row) => !filtered || named.has(row.test));
  return { tests, calls, findings, events, entries, judged, budgets, limits: buckets(calls), filtered };
}

/** Rows by a key, in the order of their first. */
function grouped(rows, key) {
  const groups = new Map();
  for (const row of rows) {
    const name = key(row);
    if (groups.has(name)) groups.get(name).push(row);
    else groups.set(name, [row]);
  }
  return groups;
}

const isStaged = (call, kind) => call.staged.split(" ").includes(kind);

const sum = (rows, name) => rows.reduce((total, row) => total + row[name], 0);

/** What calls amount to together. */
const totals = (calls) => ({
  calls: calls.length,
  refused: calls.filter((call) => call.outcome !== "ok").length,
  retries: calls.filter((call) => call.attempt > 1).length,
  input: sum(calls, "input"),
  cached: sum(calls, "cached"),
  output: sum(calls, "output"),
  tokens: sum(calls, "tokens"),
  cost: sum(calls, "cost"),
});

/**
 * Every bucket that calls met: whose limit, its peak and in which test, and how many calls it refused.
 * `drawn` is the test worth looking at: the first with a refusal, else that of the peak. A bucket is `staged` if tests
 * had filled it themselves wherever it is known: then its peak says nothing about the application.
 */
function buckets(calls) {
  const found = new Map();
  for (const call of calls) {
    for (const kind in call.limits) {
      const [used, limit] = call.limits[kind];
      const key = call.owner + kind;
      let bucket = found.get(key);
      if (!bucket) {
        bucket = { key, provider: call.provider, plan: call.plan, model: call.model, kind, share: -1, refusals: 0 };
        found.set(key, bucket);
      }
      const share = limit ? used / limit : 0;
      const staged = isStaged(call, kind);
      // What calls filled comes before what a test filled, however full.
      if (bucket.test === undefined || (bucket.staged && !staged) || (bucket.staged === staged && share > bucket.share)) {
        Object.assign(bucket, { share, used, limit, staged, test: call.test });
      }
      if (call.refusedBy === kind) bucket.refusals++;
      if (call.refusedBy === kind && !staged) bucket.drawn ??= call.test;
    }
  }
  for (const bucket of found.values()) bucket.drawn ??= bucket.test;
  return [...found.values()];
}
