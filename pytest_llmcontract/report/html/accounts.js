// What happened to accounts, as a timeline of its own, and every cent that moved on them.

function accountsSection(choose, open) {
  const section = document.getElementById("accounts");
  const chart = new Chart(document.getElementById("happenings"), { zoom: true });
  let seen = [];
  let events = new Map(); // account -> what happened to it

  const draw = () => {
    const shown = seen.filter((account) => events.has(account.key));
    const theirs = shown.flatMap((account) => events.get(account.key));
    if (!theirs.length) return chart.show({ label: "Nothing happened to these accounts." });
    const met = Object.entries(HAPPENINGS).filter(([name]) => theirs.some((event) => event.kind === name));
    const what = `${counted(theirs.length, "event")} of ${counted(shown.length, "account")}`;
    chart.show({
      label: `${what}: those on this page of the table below.`,
      key: met.map(([, { shade, sign, word }]) => [shade, sign, word]),
      height: rowsHeight(shown.length),
      make: (width) => happeningsPlot(shown, theirs, width),
    });
  };

  const who = (row) => [testButton(testOf(row), choose), sub(row.provider)];
  const accounts = new PagedTable(place("accounts"), {
    caption: "Accounts",
    size: 15,
    onpage: (page) => { seen = page; draw(); },
    columns: [
      { ...texts("Account", (row) => testOf(row).id, who), head: true },
      figures("Used", (row) => row.usage, moneyColumn),
      figures("Credits", (row) => row.credits, moneyColumn),
      figures("Billed", (row) => row.invoice, moneyColumn),
      figures("Paid", (row) => row.payment, moneyColumn),
      figures("Events", (row) => events.get(row.key)?.length ?? 0),
      figures("Entries", (row) => row.entries),
    ],
  });
  const happened = new PagedTable(place("events"), {
    caption: "Events",
    size: 15,
    columns: [
      figures("At", (row) => row.at, duration),
      { ...texts("What", (row) => row.what, (row) => [mark(HAPPENINGS[row.kind].shade, HAPPENINGS[row.kind].sign), row.what]), head: true },
      texts("In a sentence", (row) => row.sentence),
      texts("Account", (row) => testOf(row).id, who),
    ],
  });
  const cause = (row) => (row.call === null ? row.source : callButton(CALLS[row.call], open));
  const entries = new PagedTable(place("entries"), {
    caption: "Entries",
    size: 15,
    columns: [
      figures("At", (row) => row.at, duration),
      { ...texts("What", (row) => row.what), head: true },
      figures("Amount", (row) => row.amount, signedMoney),
      texts("Moved by", (row) => row.source, cause),
      texts("Counts against", (row) => row.against),
      texts("Account", (row) => testOf(row).id, who),
    ],
  });

  section.hidden = !EVENTS.length && !ENTRIES.length;
  return {
    charts: [chart],
    show(selected) {
      events = grouped(selected.events, accountOf);
      accounts.show(accountsOf(selected.entries, selected.events));
      happened.show(selected.events);
      entries.show(selected.entries);
    },
  };
}

const signedMoney = (dollars) => (dollars < 0 ? `−${moneyColumn(-dollars)}` : moneyColumn(dollars));

/** Every account that something moved on or happened to, with the sums of its entries. */
function accountsOf(entries, events) {
  const moved = grouped(entries, accountOf);
  return [...grouped([...events, ...entries], accountOf)].map(([key, [{ test, provider }]]) => {
    const theirs = moved.get(key) ?? [];
    const of = (...kinds) => sum(theirs.filter((entry) => kinds.includes(entry.what)), "amount");
    const sums = { usage: of("usage"), credits: of("grant", "purchase"), invoice: of("invoice"), payment: of("payment") };
    return { key, test, provider, entries: theirs.length, ...sums };
  });
}
