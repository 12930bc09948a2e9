// The tests, with the timeline of those on the table's page.

function testsSection(choose, open) {
  const chart = new Chart(document.getElementById("timeline"), { zoom: true });
  const axes = document.getElementById("timeline-axis");
  let chosen = null; // until somebody chooses: virtual seconds, where time passed
  let seen = [];
  let calls = new Map();
  let facts = new Map(); // test -> what its calls amount to

  const draw = () => {
    const shown = seen.filter((test) => calls.has(test.index));
    const theirs = shown.flatMap((test) => calls.get(test.index));
    if (!theirs.length) return chart.show({ label: "No call passes the filter." });
    const axis = chosen ?? axisFor(theirs);
    axes.querySelector(`[value=${axis}]`).checked = true;
    const met = Object.entries(OUTCOMES).filter(([name]) => theirs.some((call) => call.outcome === name));
    const what = `${counted(theirs.length, "call")} of ${counted(shown.length, "test")}`;
    chart.show({
      label: `${what}: those on this page of the table below.`,
      key: met.map(([name, { sign, word }]) => [name, sign, word]),
      height: rowsHeight(shown.length),
      make: (width) => timelinePlot(shown, theirs, axis, width, (call) => open(call, calls.get(call.test))),
    });
  };
  axes.addEventListener("change", (event) => { chosen = event.target.value; draw(); });

  const fact = (name) => (test) => facts.get(test.index)[name];
  const outcome = (test) => [outcomeMark(test), test.outcome];
  /** Opens the first call that went wrong, else the first. */
  const opener = (number, test) => {
    const theirs = calls.get(test.index) ?? [];
    if (!theirs.length) return "0";
    const first = theirs.find((call) => call.outcome !== "ok") ?? theirs[0];
    const attributes = { type: "button", class: "link", title: `Open the calls of ${test.id}`, onclick: () => open(first, theirs) };
    return element("button", attributes, `${counted(number, "call")}`);
  };
  const table = new PagedTable(place("tests"), {
    caption: "Tests",
    size: 25,
    rowClass: (test) => (BAD.includes(test.outcome) ? "bad" : undefined),
    onpage: (page) => { seen = page; draw(); },
    columns: [
      { ...texts("Test", (test) => test.id, (test) => [testButton(test, choose), test.failure && sub(test.failure)]), head: true },
      texts("Outcome", (test) => test.outcome, outcome),
      figures("Calls", fact("calls"), opener),
      figures("Refused", fact("refused"), someOrNothing),
      figures("Retries", fact("retries"), someOrNothing),
      figures("Tokens", fact("tokens")),
      figures("Cost", fact("cost"), moneyColumn),
      figures("Virtual time", (test) => test.seconds, duration),
      figures("Findings", fact("findings"), someOrNothing),
    ],
  });

  return {
    charts: [chart],
    show(selected) {
      calls = grouped(selected.calls, (call) => call.test);
      const found = grouped(selected.findings, (finding) => finding.test);
      facts = new Map(selected.tests.map(({ index }) =>
        [index, { ...totals(calls.get(index) ?? []), findings: found.get(index)?.length ?? 0 }]));
      const grave = (test) => (BAD.includes(test.outcome) ? 2 : 0) + (facts.get(test.index).findings > 0 ? 1 : 0);
      table.show([...selected.tests].sort((a, b) => grave(b) - grave(a)));
    },
  };
}
