// Cost and tokens, by model or by test.

const MOST_BARS = 12; // what is left is one bar more

function spendSection(choose) {
  const costs = new Chart(document.getElementById("cost"));
  const tokens = new Chart(document.getElementById("tokens"));
  let by = "model";
  let calls = [];

  const name = (row) => (row.test ? testButton(row.test, choose) : row.name);
  const table = new PagedTable(place("spend"), {
    caption: "Cost and tokens",
    size: 15,
    columns: [
      { ...texts("Name", (row) => row.name, name), head: true },
      figures("Calls", (row) => row.calls),
      figures("Input", (row) => row.input),
      figures("of it cached", (row) => row.cached),
      figures("Output", (row) => row.output),
      { ...figures("Cost", (row) => row.cost, moneyColumn), first: true },
    ],
  });

  const update = () => {
    const groups = by === "model" ? groupsByModel(calls) : groupsByTest(calls);
    table.show(groups);
    showBars(costs, groups, {
      title: `Cost by ${by}`,
      measure: "cost",
      unit: "US dollars",
      written: (dollars) => money(dollars, dollars < 1 ? 6 : 2),
      ticks: "$0,0.[000000]",
      parts: [{ shade: "series-1", fact: (group) => group.cost }],
    });
    showBars(tokens, groups, {
      title: `Tokens by ${by}`,
      measure: "tokens",
      unit: "tokens",
      written: whole,
      ticks: "0,0",
      parts: [
        { shade: "series-1", name: "input", fact: (group) => group.input - group.cached },
        { shade: "series-3", name: "cached input", fact: (group) => group.cached },
        { shade: "series-2", name: "output", fact: (group) => group.output },
      ],
    });
  };
  document.getElementById("spend-by").addEventListener("change", (event) => { by = event.target.value; update(); });

  return {
    charts: [costs, tokens],
    show(selected) { calls = selected.calls; update(); },
  };
}

const groupsByModel = (calls) =>
  [...grouped(calls, (call) => joined([call.provider, call.model], " "))]
    .map(([name, rows]) => ({ name, ...totals(rows) }));

const groupsByTest = (calls) =>
  [...grouped(calls, (call) => call.test).values()].map((rows) => {
    const test = testOf(rows[0]);
    return { name: test.id, test, ...totals(rows) };
  });

/** Bars of the largest groups by *measure*. */
function showBars(chart, groups, { title, measure, unit, written, ticks, parts }) {
  const spent = sorted(groups.filter((group) => group[measure] > 0), (group) => group[measure], true);
  if (!spent.length) return chart.show({ label: `${title}: nothing to show.` });
  const rest = spent.slice(MOST_BARS);
  const short = (group) => ({ ...group, name: group.test ? testName(group.name) : group.name });
  const bars = spent.slice(0, MOST_BARS).map(short);
  if (rest.length) bars.push({ ...summed(rest), name: `${whole(rest.length)} others` });
  const most = `${spent[0].name} most, ${written(spent[0][measure])} of ${written(sum(spent, measure))}`;
  chart.show({
    label: `${title}: ${most}.`,
    key: parts.filter((part) => part.name).map((part) => [part.shade, "■", part.name]),
    height: rowsHeight(bars.length),
    make: (width) => barsPlot(bars, { parts, unit, written, ticks, width }),
  });
}

const summed = (groups) =>
  Object.fromEntries(["input", "cached", "output", "tokens", "cost"].map((name) => [name, sum(groups, name)]));
