// The figures on top, and the budgets below them.

function summarySection() {
  const tiles = document.getElementById("tiles");
  const tile = (name, figure, note) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, figure), element("dd", {}, note));

  return {
    show({ tests, calls, findings, limits }) {
      const all = totals(calls);
      const failed = tests.filter((test) => BAD.includes(test.outcome)).length;
      const found = (severity) => counted(findings.filter((row) => row.severity === severity).length, severity);
      const [fullest] = [...limits].sort((a, b) => b.share - a.share);
      const seconds = tests.map((test) => test.seconds);
      tiles.replaceChildren(
        tile("Tests", whole(tests.length), failed ? `${whole(failed)} failed` : "none failed"),
        tile("Calls", whole(all.calls), `${whole(all.refused)} refused, ${counted(all.retries, "retry", "retries")}`),
        tile("Tokens", whole(all.tokens), tokenSources(calls, all.tokens)),
        tile("Cost at list price", money(all.cost, all.cost < 1 ? 4 : 2), inAndOut(all)),
        tile("Findings", found("error"), `${found("warning")}, ${found("note")}`),
        fullest
          ? tile("Fullest limit", percent(fullest.share), `${fullest.kind}, ${fullest.model}`)
          : tile("Fullest limit", "–", "no limit was asked"),
        tile("Virtual time", duration(sum(tests, "seconds")), `longest test ${duration(largest(seconds))}`),
      );
    },
  };
}

const inAndOut = ({ input, output }) => `${whole(input)} in, ${whole(output)} out`;

/** `80% reported, 20% estimated`. */
function tokenSources(calls, tokens) {
  const bySource = [...grouped(calls.filter((call) => call.tokens), (call) => call.source)];
  return bySource
    .map(([source, rows]) => ({ source, tokens: sum(rows, "tokens") }))
    .sort((a, b) => b.tokens - a.tokens)
    .map((part) => `${percent(part.tokens / tokens)} ${part.source}`)
    .join(", ");
}

/** The broken ones first. Budgets belong to the session and to tests, so the filter leaves them alone. */
function showBudgets(choose) {
  if (!LEDGER.budgets.length) return;
  const verdict = ({ ok }) => (ok ? [mark("ok", "●"), "yes"] : [mark("error", "✕"), "broken"]);
  const whose = (row) => (row.scope === "session" ? "the session" : testButton(testOf(row), choose));
  const used = (_, row) => [budgetFigure(row, row.used), row.source && sub(row.source)];
  new PagedTable(document.getElementById("budgets"), {
    caption: "Budgets",
    size: 10,
    columns: [
      { ...texts("Budget", (row) => row.name, (row) => [row.name, row.detail && sub(row.detail)]), head: true },
      texts("Of", (row) => testOf(row).id, whose),
      figures("Used", (row) => Number(row.used), used),
      figures("Limit", (row) => Number(row.limit), (_, row) => budgetFigure(row, row.limit)),
      texts("Kept", (row) => row.ok, verdict),
    ],
  }).show([...LEDGER.budgets].sort((a, b) => a.ok - b.ok));
}

function budgetFigure({ name }, value) {
  if (name === "cost") return money(Number(value));
  if (/^(share|fits)/.test(name)) return percent(value);
  return typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 4 }) : value;
}
