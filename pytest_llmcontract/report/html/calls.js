// Every call.

function callsSection(choose, open) {
  let shown = [];
  const table = new PagedTable(place("calls"), {
    caption: "Calls",
    size: 50,
    rowClass: (call) => (call.outcome === "ok" ? undefined : "bad"),
    columns: [
      { ...texts("Test", (call) => testOf(call).id, (call) => callName(call, choose, (one) => open(one, shown))), head: true },
      figures("At", (call) => call.at, (at, call) => [duration(at), sub(`took ${duration(call.took)}`)]),
      texts("Call", (call) => call.model, callWhat),
      texts("Answer", (call) => call.status ?? 0, callAnswer),
      figures("Input", (call) => call.input, (input, call) => [whole(input), cached(call)]),
      figures("Output", (call) => call.output, (output, call) => [whole(output), call.tokens && sub(call.source)]),
      figures("Cost", (call) => call.cost, moneyColumn),
      texts("From", (call) => call.site, (call) => [call.site || "–", sub(call.client)]),
    ],
  });
  return {
    show({ calls }) {
      const grave = (call) => (call.outcome === "ok" ? 0 : 2) + (BAD.includes(testOf(call).outcome) ? 1 : 0);
      shown = [...calls].sort((a, b) => grave(b) - grave(a));
      table.show(shown);
    },
  };
}

function callName(call, choose, open) {
  const test = testOf(call);
  return [testButton(test, choose, testName(test.id)), element("span", { class: "sub" }, callButton(call, open))];
}

const cached = (call) => call.cached > 0 && sub(`${whole(call.cached)} cached`);

const callWhat = (call) => [call.model || "–", sub(`${call.provider} ${call.plan} · ${call.operation}`)];

function callAnswer(call) {
  const facts = [
    call.refusedBy && `by ${call.refusedBy}`,
    call.retryAfter !== null && `retry after ${duration(call.retryAfter)}`,
    call.stream && "stream",
    call.scripted && "scripted",
    call.recorded && "recorded",
    call.attempt > 1 && `attempt ${call.attempt}`,
  ];
  return [mark(call.outcome, OUTCOMES[call.outcome].sign), answerOf(call), sub(joined(facts))];
}
