// What was found: the gravest and most frequent first, equal ones once, each with all that explains it.

const MOST_TESTS = 10; // that a finding names

function findingsSection(choose) {
  const item = (group) => findingItem(group, choose);
  const list = new PagedList(place("findings"), { caption: "Findings", size: 20, item });
  const order = Object.keys(SEVERITIES);

  return {
    show({ findings, filtered }) {
      const same = (row) => [row.severity, row.code, row.message, row.site].join("\n");
      const groups = [...grouped(findings, same).values()];
      groups.sort((a, b) => order.indexOf(a[0].severity) - order.indexOf(b[0].severity) || b.length - a.length);
      list.show(groups, filtered && FINDINGS.length ? "No finding passes the filter." : "Nothing was found.");
    },
  };
}

function findingItem(group, choose) {
  const [finding] = group;
  const tests = [...new Set(group.map(testOf))];
  const where = joined([finding.site, tests.length > 1 ? counted(tests.length, "test") : tests[0].id], " · ");
  const bodies = [["Request", finding.request], ["Reply", finding.reply]].filter(([, text]) => text);

  return element("details", { class: `finding ${finding.severity}` },
    element("summary", {},
      mark(finding.severity, SEVERITIES[finding.severity]),
      element("span", { class: "hidden" }, `${finding.severity}: `),
      element("b", {}, finding.code),
      finding.message,
      sub(where, group.length > 1 ? ` · ${group.length} times` : "")),
    element("div", { class: "body" },
      findingFacts(finding),
      finding.difference ? [element("h3", {}, "Difference"), difference(finding.difference)] : "",
      element("div", { class: "beside" }, bodies.map(([title, text]) =>
        element("div", {}, element("h3", {}, title), preformatted(title, indented(text))))),
      element("h3", {}, tests.length > 1 ? "In these tests" : "In this test"),
      element("ul", {},
        tests.slice(0, MOST_TESTS).map((test) => element("li", {}, testButton(test, choose))),
        tests.length > MOST_TESTS ? element("li", {}, `and ${whole(tests.length - MOST_TESTS)} more`) : "")));
}

function findingFacts(finding) {
  const facts = [
    ["field", finding.path],
    ["sent", finding.sent],
    ["allowed", finding.allowed],
    ["provider", finding.answer],
    ["contract", finding.contract],
    ["sent by", finding.site],
    ["how to fix", finding.fix],
    ["more", `llmcontract explain ${finding.code}`],
  ].filter(([, text]) => text && text !== "nothing");
  return element("dl", {}, facts.map(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
}

const preformatted = (title, ...content) => element("pre", { tabindex: "0", "aria-label": title }, ...content);

/** JSON on several lines; what is none, or was cut, as it is. */
function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function difference(text) {
  const kinds = { "+": "added", "-": "removed" };
  return preformatted("Difference",
    text.split("\n").map((line) => element("span", { class: kinds[line[0]] }, `${line}\n`)));
}
