// One call, opened: all that is known of it, and the calls beside it, a key away.

const MOST_BESIDE = 200; // calls of the list on the left

class CallDialog {
  #dialog = document.getElementById("call");
  #calls = [];
  #place = 0;

  constructor({ choose, onchange }) {
    this.onchange = onchange;
    const turn = (step) => () => this.turn(step);
    this.title = element("h2", { id: "call-title", tabindex: "-1" });
    this.whose = element("p", { class: "whose" });
    this.previous = element("button", { type: "button", onclick: turn(-1), "aria-keyshortcuts": "ArrowLeft" }, "← Previous");
    this.next = element("button", { type: "button", onclick: turn(1), "aria-keyshortcuts": "ArrowRight" }, "Next →");
    this.position = element("span", { class: "position", "aria-live": "polite" });
    const close = element("button", { type: "button", onclick: () => this.#dialog.close() }, "Close");
    this.beside = element("nav", { "aria-label": "Calls beside this one" });
    this.content = element("div", { class: "content", tabindex: "0", role: "region", "aria-label": "The call" });
    this.choose = (test) => { this.#dialog.close(); choose(test); };
    this.#dialog.append(
      element("header", {},
        element("div", { class: "heading" }, this.title, this.whose),
        element("div", { class: "turns" }, this.previous, this.position, this.next, close)),
      element("div", { class: "panes" }, this.beside, this.content));
    this.#dialog.addEventListener("keydown", (event) => this.#pressed(event));
    this.#dialog.addEventListener("close", () => this.onchange(null));
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
  }

  /** Open *call*, one of *calls*, between which one can go to and fro. */
  open(call, calls) {
    this.#calls = calls;
    this.#place = calls.indexOf(call);
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#show();
    this.title.focus();
  }

  turn(step) {
    const place = this.#place + step;
    if (place < 0 || place >= this.#calls.length) return;
    this.#place = place;
    this.#show();
  }

  #pressed(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, k: -1, j: 1 }[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.turn(step);
  }

  async #show() {
    const call = this.#calls[this.#place];
    const test = testOf(call);
    this.onchange(call);
    this.title.replaceChildren(mark(call.outcome, OUTCOMES[call.outcome].sign), answerOf(call), sub(callPlace(call)));
    this.whose.replaceChildren(outcomeMark(test), testButton(test, this.choose), ` · call ${whole(call.number)}`,
      test.failure && sub(test.failure));
    this.position.textContent = `${whole(this.#place + 1)} of ${whole(this.#calls.length)}`;
    this.previous.disabled = this.#place === 0;
    this.next.disabled = this.#place === this.#calls.length - 1;
    this.#showBeside();
    const exchange = await exchangeOf(call).catch(() => null);
    if (call !== this.#calls[this.#place]) return; // turned on meanwhile
    this.content.replaceChildren(...callContent(call, exchange));
    this.content.scrollTop = 0;
    this.#dialog.dataset.call = call.index;
  }

  #showBeside() {
    const first = Math.max(0, Math.min(this.#place - MOST_BESIDE / 2, this.#calls.length - MOST_BESIDE));
    const rows = this.#calls.slice(first, first + MOST_BESIDE).map((call) => {
      const current = call === this.#calls[this.#place];
      return element("li", {}, element("button",
        { type: "button", class: "beside-call", "aria-current": current && "true", onclick: () => this.open(call, this.#calls) },
        element("span", {}, mark(call.outcome, OUTCOMES[call.outcome].sign), answerOf(call)),
        sub(joined([duration(call.at), call.attempt > 1 && `attempt ${call.attempt}`, call.model], " · "))));
    });
    this.beside.replaceChildren(element("ol", {}, rows));
    this.beside.querySelector("[aria-current]").scrollIntoView({ block: "nearest" });
  }
}

const callPlace = (call) => joined([call.model, `${call.provider} ${call.plan}`, call.operation], " · ");

function callContent(call, exchange) {
  const findings = FINDINGS.filter((finding) => finding.call === call.index);
  return [
    ...findings.map(shortFinding),
    callFacts(call),
    limitsOf(call),
    exchange
      ? element("div", { class: "exchange" },
          element("section", { "aria-label": "Request" }, requestParts(exchange)),
          element("section", { "aria-label": "Reply" }, replyParts(exchange, call)))
      : element("p", { class: "none" }, "What was said in this call is not in the ledger: it keeps as much as docs/ledger.md says."),
  ].filter(Boolean);
}

const shortFinding = (finding) =>
  element("div", { class: `finding ${finding.severity}` },
    element("p", {}, mark(finding.severity, SEVERITIES[finding.severity]), element("b", {}, finding.code), finding.message),
    findingFacts(finding));

function callFacts(call) {
  const sent = joined([call.scripted && "scripted by the test", call.recorded && "a recording"], ", ") || "the simulator";
  const tokens = joined([`${whole(call.input)} in`, call.cached && `${whole(call.cached)} of it cached`, `${whole(call.output)} out`]);
  const facts = [
    ["Sent by", call.site],
    ["Client", call.client],
    ["At", `${duration(call.at)}, took ${duration(call.took)}`],
    ["Attempt", joined([call.attempt, call.madeBy && `by ${call.madeBy}`], " ")],
    ["Tokens", `${tokens} (${call.source})`],
    ["Cost at list price", money(call.cost, 6)],
    ["Answered by", sent],
    ["Retry after", call.retryAfter === null ? "" : duration(call.retryAfter)],
    ["Refused by", call.refusedBy && `${call.refusedBy}: asked for ${whole(call.asked)}, ` +
      (call.wait ? `passes in ${duration(call.wait)}` : "never passes")],
  ].filter(([, value]) => value);
  return element("dl", { class: "facts" },
    facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));
}

/** How full every limit was before and after. */
function limitsOf(call) {
  const kinds = Object.keys(call.limits);
  if (!kinds.length) return "";
  const rows = kinds.map((kind) => {
    const [after, limit] = call.limits[kind];
    const taken = call.taken[kind] ?? 0;
    const notes = joined([call.refusedBy === kind && "refused this call", isStaged(call, kind) && "filled by the test"]);
    return element("tr", {},
      element("th", { scope: "row" }, kind, notes && sub(notes)),
      element("td", { class: "number" }, whole(Math.max(0, after - taken))),
      element("td", { class: "number" }, taken ? `+${whole(taken)}` : ""),
      element("td", { class: "number" }, `${whole(after)} of ${whole(limit)}`),
      element("td", { class: "number" }, percent(limit ? after / limit : 0), meter(limit ? after / limit : 0)));
  });
  const heads = ["Limit", "Before", "This call", "After", "Share"];
  return element("table", { class: "levels" },
    element("caption", { class: "hidden" }, "Limits before and after this call"),
    element("thead", {}, element("tr", {}, heads.map((head, index) =>
      element("th", { scope: "col", class: index ? "number" : undefined }, head)))),
    element("tbody", {}, rows));
}
