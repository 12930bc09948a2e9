// Request and reply of a call, side by side: first as a person reads them, then as they were sent.

const preformatted = (title, ...content) => element("pre", { tabindex: "0", "aria-label": title }, ...content);

const opened = new Set(["Messages", "Parameters", "Text"]); // what stays open from one call to the next

/** A part that can be folded; nothing without content. */
function foldable(title, note, content) {
  if (!content) return "";
  const made = element("details", { class: "part", open: opened.has(title) },
    element("summary", {}, element("h4", {}, title), note && sub(note)), content);
  made.addEventListener("toggle", () => (made.open ? opened.add(title) : opened.delete(title)));
  return made;
}

function requestParts(exchange) {
  const body = parsed(exchange.request);
  const { messages, ...others } = body && typeof body === "object" && !Array.isArray(body) ? body : {};
  return [
    element("h3", {}, "Request"),
    element("p", { class: "address" }, `${exchange.method} ${exchange.url}`),
    foldable("Messages", counted(listOf(messages).length, "message"),
      listOf(messages).length > 0 && element("div", {}, messages.map(messageOf))),
    foldable("Parameters", "", Object.keys(others).length > 0 && namesAndValues(others)),
    foldable("Request body", size(exchange.request), exchange.request && rawBody("Request body", exchange.request)),
    headersPart("Request headers", exchange.request_headers),
  ];
}

function replyParts(exchange, call) {
  const text = exchange.reply ?? "";
  const events = call.stream && parsed(text) === null ? eventsOf(text) : [];
  const spoken = spokenIn(events.length ? events.map((event) => event.json) : [parsed(text)]);
  const said = spokenText(spoken);
  const broken = call.cut && element("p", { class: "broken" }, mark("lost", OUTCOMES.lost.sign), cutText(call.cut));
  const nothing = !text && !call.cut && element("p", { class: "none" }, "Nothing came back.");
  return [
    element("h3", {}, "Reply"),
    element("p", { class: "address" }, mark(call.outcome, OUTCOMES[call.outcome].sign), answerOf(call)),
    nothing,
    foldable("Text", spoken.finish, said.length > 0 && element("div", {}, said)),
    broken,
    foldable("Events", counted(events.length, "event"), events.length > 0 && eventList(events, call.cut)),
    foldable("Reply body", size(text), text && rawBody("Reply body", text)),
    headersPart("Reply headers", exchange.reply_headers ?? {}),
  ];
}

const size = (text) => counted((text ?? "").length, "character");

const cutText = (how) =>
  ({ disconnect: "The connection broke here.", stall: "Nothing more came: the stream stalled." })[how] ?? `Ended: ${how}.`;

/** A reply that says nothing else shows its body. */
function spokenText({ reasoning, content, tools, error }) {
  return [
    reasoning && element("div", { class: "said muted" }, element("b", {}, "reasoning"), element("p", {}, reasoning)),
    content && element("div", { class: "said" }, element("b", {}, "content"), element("p", {}, content)),
    ...[...tools.values()].map((tool) =>
      element("div", { class: "said" }, element("b", {}, `calls ${tool.name}`),
        preformatted(`Arguments of ${tool.name}`, indented(tool.arguments)))),
    error && element("div", { class: "said" }, element("b", {}, "error"), element("p", {}, error)),
  ].filter(Boolean);
}

function messageOf(message) {
  const tools = listOf(message?.tool_calls).map((tool) =>
    preformatted("Tool call", `${tool.function?.name ?? "?"} ${indented(textOf(tool.function?.arguments))}`));
  return element("div", { class: "said" },
    element("b", {}, joined([message?.role ?? "?", message?.name ?? message?.tool_call_id], " ")),
    element("p", {}, textOf(message?.content)), tools);
}

function namesAndValues(values) {
  const written = (value) =>
    typeof value === "object" && value !== null
      ? preformatted("Value", JSON.stringify(value, null, 2)) : JSON.stringify(value);
  return element("dl", { class: "pairs" }, Object.entries(values).map(([name, value]) =>
    [element("dt", {}, name), element("dd", {}, written(value))]));
}

const rawBody = (title, text) => preformatted(title, indented(text));

function headersPart(title, headers) {
  const named = Object.entries(headers);
  return foldable(title, counted(named.length, "header"), named.length > 0 &&
    element("dl", { class: "pairs" }, named.map(([name, value]) =>
      [element("dt", {}, name), element("dd", {}, value)])));
}

const MOST_EVENTS = 500;

function eventList(events, cut) {
  const rows = events.slice(0, MOST_EVENTS).map(({ name, data, json }) => {
    const said = spokenText(spokenIn([json])).map((made) => made.querySelector("p, pre").textContent).join("");
    return element("li", {}, name && element("b", {}, `${name} `), said && element("mark", {}, said), element("code", {}, data));
  });
  if (events.length > MOST_EVENTS) rows.push(element("li", {}, `and ${whole(events.length - MOST_EVENTS)} more`));
  if (cut) rows.push(element("li", { class: "broken" }, cutText(cut)));
  return element("ol", { class: "events", tabindex: "0", "aria-label": "Events of the stream" }, rows);
}
