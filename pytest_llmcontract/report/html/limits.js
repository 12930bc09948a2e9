// How full every limit got, and for one test how it came to that.

function limitsSection(choose) {
  const chart = new Chart(document.getElementById("levels"), { zoom: true });
  let calls = [];

  /** The levels of all limits in the test where *bucket* is worth looking at: its own first, then the fullest. */
  const draw = (bucket) => {
    if (!bucket) return chart.show({ label: "No call passes the filter whose limits are known." });
    const theirs = calls.filter((call) => call.test === bucket.drawn && Object.keys(call.limits).length);
    const axis = axisFor(theirs);
    const met = buckets(theirs);
    met.sort((a, b) => (b.key === bucket.key) - (a.key === bucket.key) || b.share - a.share);
    const lines = met.slice(0, LINES.length).map((one) => ({
      name: `${one.kind} ${one.model}`,
      points: theirs
        .filter((call) => call.owner + one.kind === one.key)
        .map((call) => levelPoint(call, one.kind, axis)),
    }));
    const key = lines.map(({ name }, index) => [`series-${index + 1}`, LINES[index].sign, name]);
    const refusals = sum(met, "refusals");
    chart.show({
      label: levelsLabel(met, refusals, met.length - lines.length),
      key: refusals ? [...key, ["limit", "✕", "refused"]] : key,
      height: LEVELS_HEIGHT,
      make: () => levelsPlot(lines, axis),
    });
  };

  const drawButton = (row) => element("button",
    { type: "button", onclick: () => draw(row), "aria-label": `Draw ${row.kind} of ${row.model}` }, "Draw");
  const table = new PagedTable(place("limits"), {
    caption: "Limits",
    size: 15,
    columns: [
      { ...texts("Limit", (row) => row.kind, limitName), head: true },
      texts("Model", (row) => row.model),
      figures("Peak", (row) => row.used, (used, row) => `${whole(used)} of ${whole(row.limit)}`),
      figures("Share", (row) => row.share, (share) => [percent(share), meter(share)]),
      figures("Refusals", (row) => row.refusals),
      texts("Peaked in", (row) => testOf(row).id, (row) => testButton(testOf(row), choose)),
      { title: "Chart", cell: drawButton },
    ],
  });

  return {
    charts: [chart],
    show(selected) {
      calls = selected.calls;
      const ordered = [...selected.limits].sort((a, b) => a.staged - b.staged || b.share - a.share);
      table.show(ordered);
      draw([...ordered].sort((a, b) => a.staged - b.staged || (b.refusals > 0) - (a.refusals > 0))[0]);
    },
  };
}

const limitName = (row) =>
  [row.kind, sub(joined([`${row.provider} ${row.plan}`, row.staged && "filled by the test itself"]))];

function levelPoint(call, kind, axis) {
  const [used, limit] = call.limits[kind];
  return {
    x: call[axis],
    percent: limit ? (100 * used) / limit : 0,
    level: `${whole(used)} of ${whole(limit)}`,
    refused: call.refusedBy === kind,
  };
}

function levelsLabel([first], refusals, more) {
  const peak = `${first.kind} of ${first.model} peaked at ${percent(first.share)}`;
  const left = more ? ` ${counted(more, "emptier limit is", "emptier limits are")} not drawn.` : "";
  return `Levels after each call in ${testOf(first).id}: ${peak}; limits refused ${counted(refusals, "call")}.${left}`;
}

/** A bar beside the percentage that says the same. */
const meter = (share) => element("meter",
  { min: 0, max: 1, low: 0.8, high: 0.999, optimum: 0, value: Math.min(share, 1), "aria-hidden": "true" });
