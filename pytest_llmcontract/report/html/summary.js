// The figures on top, and the budgets below them.

function summarySection(choose) {
  const budgets = budgetTables(choose);
  const tiles = document.getElementById("tiles");
  const tile = (name, figure, note) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, figure), element("dd", {}, note));

  return {
    show({ tests, calls, findings, limits, budgets: held }) {
      budgets.show(held);
      const all = totals(calls);
      const failed = tests.filter((test) => BAD.includes(test.outcome)).length;
      const found = (severity) => counted(findings.filter((row) => row.severity === severity).length, severity);
      const [fullest] = limits.filter((bucket) => !bucket.staged).sort((a, b) => b.share - a.share);
      const seconds = tests.map((test) => test.seconds);
      tiles.replaceChildren(
        tile("Tests", whole(tests.length), failed ? `${whole(failed)} failed` : "none failed"),
        tile("Calls", whole(all.calls), `${whole(all.refused)} refused, ${counted(all.retries, "retry", "retries")}`),
        tile("Tokens", whole(all.tokens), tokenSources(calls, all.tokens)),
        tile("Cost at list price", money(all.cost, all.cost < 1 ? 4 : 2), inAndOut(all)),
        tile("Findings", found("error"), `${found("warning")}, ${found("note")}`),
        fullest
          ? tile("Fullest limit", percent(fullest.share), `${fullest.kind}, ${fullest.model}`)
          : tile("Fullest limit", "–", limits.length ? "tests filled theirs themselves" : "no limit was asked"),
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

/** The broken ones as a table; those that were kept fold away. */
function budgetTables(choose) {
  const whose = (row) => (row.scope === "session" ? "the session" : testButton(testOf(row), choose));
  const used = (_, row) => [budgetFigure(row, row.used), row.source && sub(row.source)];
  const table = (caption, place) => new PagedTable(place, {
    caption,
    size: 10,
    columns: [
      { ...texts("Budget", (row) => row.name, (row) => [row.name, row.detail && sub(row.detail)]), head: true },
      texts("Of", (row) => testOf(row).id, whose),
      figures("Used", (row) => Number(row.used), used),
      figures("Limit", (row) => Number(row.limit), (_, row) => budgetFigure(row, row.limit)),
      texts("Kept", (row) => row.ok, ({ ok }) => (ok ? [mark("ok", "●"), "yes"] : [mark("error", "✕"), "broken"])),
    ],
  });
  const [broken, kept] = [element("div"), element("div")];
  const title = element("summary");
  const folded = element("details", { class: "kept" }, title, kept);
  document.getElementById("budgets").replaceChildren(broken, folded);
  const [tableOfBroken, tableOfKept] = [table("Broken budgets", broken), table("Kept budgets", kept)];
  return {
    show(budgets) {
      const [good, bad] = [budgets.filter((row) => row.ok), budgets.filter((row) => !row.ok)];
      broken.hidden = !bad.length;
      folded.hidden = !good.length;
      title.textContent = `${counted(good.length, "budget was", "budgets were")} kept`;
      tableOfBroken.show(bad);
      tableOfKept.show(good);
    },
  };
}

function budgetFigure({ name }, value) {
  if (name === "cost") return money(Number(value));
  if (/^(share|fits)/.test(name)) return percent(value);
  return typeof value === "number" ? value.toLocaleString("en-US", { maximumFractionDigits: 4 }) : value;
}
