// What was found: the gravest and most frequent first, equal ones once, each with all that explains it.

const MOST_TESTS = 10; // that a finding names

function findingsSection(choose, open) {
  const item = (group) => findingItem(group, choose, open);
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

function findingItem(group, choose, open) {
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
      finding.timeline ? [element("h3", {}, "Attempts"), preformatted("Attempts", finding.timeline)] : "",
      element("div", { class: "beside" }, bodies.map(([title, text]) =>
        element("div", {}, element("h3", {}, title), preformatted(title, indented(text))))),
      element("h3", {}, tests.length > 1 ? "In these tests" : "In this test"),
      element("ul", {},
        tests.slice(0, MOST_TESTS).map((test) => {
          const call = group.find((row) => testOf(row) === test && row.call !== null)?.call;
          return element("li", {}, testButton(test, choose), call !== undefined && [" · ", callButton(CALLS[call], open)]);
        }),
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
    ["more", joined([`llmcontract explain ${finding.code}`, schemaCommand(finding.contract)], "\n")],
  ].filter(([, text]) => text && text !== "nothing");
  return element("dl", {}, facts.map(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
}

/** What prints the schema that *contract* points into; nothing for a place in a recording. */
function schemaCommand(contract) {
  const [, provider, name, pointer] = /^schemas\/([^/]+)\/([^#]+)\.json#?(.*)$/.exec(contract) ?? [];
  return name && `llmcontract schema ${provider} ${pointer ? `'${name}#${pointer}'` : name}`;
}

function difference(text) {
  const kinds = { "+": "added", "-": "removed" };
  return preformatted("Difference",
    text.split("\n").map((line) => element("span", { class: kinds[line[0]] }, `${line}\n`)));
}
