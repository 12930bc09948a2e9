// What the battery says of clients: a row for each behaviour, those that failed first.

function batterySection(choose) {
  const place = document.querySelector("#battery .list");
  const RANKS = ["fail", "not applicable", "pass"];
  const MARKS = { fail: ["error", "✕"], "not applicable": ["note", "–"], pass: ["ok", "●"] };
  const rows = new PagedTable(place, {
    caption: "Verdicts of the battery",
    size: 100,
    columns: [
      texts("Verdict", (row) => RANKS.indexOf(row.verdict), (row) => [mark(...MARKS[row.verdict]), row.verdict]),
      { ...texts("Behaviour", (row) => row.behaviour, (row) => [testButton(testOf(row), choose, row.behaviour)]), head: true },
      texts("About", (row) => row.about),
      texts("Client", (row) => row.client, (row) => [row.client, sub(row.provider)]),
      texts("Why", (row) => row.reason, (row) => (row.detail ? why(row) : row.reason)),
      figures("Requests", (row) => row.requests),
      figures("Virtual time", (row) => row.seconds, duration),
    ],
  });
  const why = (row) => element("details", {}, element("summary", {}, row.reason), element("pre", {}, row.detail));
  document.getElementById("battery").hidden = !LEDGER.battery.length;
  return {
    show({ judged }) {
      const counts = RANKS.map((verdict) => [judged.filter((row) => row.verdict === verdict).length, verdict]);
      const said = counts.filter(([count]) => count).map(([count, verdict]) => `${whole(count)} ${verdict}`);
      document.getElementById("battery-counts").textContent = said.join(", ");
      const ranked = [...judged].sort((a, b) => RANKS.indexOf(a.verdict) - RANKS.indexOf(b.verdict));
      rows.show(ranked);
    },
  };
}
