// What was said in a call: unpacked when it is opened, and read as what it is.

let blocks = null;
const placeOfCall = new Map(); // index of a call -> its block and its place in it

/** The exchange of *call*; `null` where the ledger kept none. */
async function exchangeOf(call) {
  if (!blocks) {
    blocks = JSON.parse(document.getElementById("exchanges").textContent);
    for (const block of blocks) block.calls.forEach((index, place) => placeOfCall.set(index, [block, place]));
  }
  if (!placeOfCall.has(call.index)) return null;
  const [block, place] = placeOfCall.get(call.index);
  block.exchanges ??= JSON.parse(await inflated(block.data));
  return block.exchanges[place];
}

async function inflated(data) {
  const packed = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).text();
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** JSON on several lines; what is none, or was cut, as it is. */
function indented(text) {
  const value = parsed(text);
  return value === null ? text : JSON.stringify(value, null, 2);
}

/** The events of a stream: `{name, data, json}`. */
function eventsOf(text) {
  return text
    .split(/\r?\n\r?\n/)
    .map((block) => {
      const fields = block.split(/\r?\n/).map((line) => /^(event|data): ?(.*)$/.exec(line)).filter(Boolean);
      const named = (name) => fields.filter((field) => field[1] === name).map((field) => field[2]).join("\n");
      const data = named("data") || block.trim();
      return { name: named("event"), data, json: parsed(data) };
    })
    .filter((event) => event.data);
}

/** What the model said, over all of *bodies*: one of a whole reply, many of a stream. */
function spokenIn(bodies) {
  const spoken = { reasoning: "", content: "", tools: new Map(), finish: "", error: "" };
  for (const body of bodies) if (body && typeof body === "object") addSpoken(spoken, body);
  return spoken;
}

function addSpoken(spoken, body) {
  if (body.error) spoken.error = body.error.message ?? JSON.stringify(body.error);
  for (const choice of listOf(body.choices)) {
    const part = choice.delta ?? choice.message ?? {};
    spoken.reasoning += textOf(part.reasoning ?? part.reasoning_content);
    spoken.content += textOf(part.content ?? choice.text);
    spoken.finish = choice.finish_reason ?? spoken.finish;
    listOf(part.tool_calls).forEach((tool, place) => addTool(spoken.tools, tool.index ?? place, tool.function ?? {}));
  }
  // The Responses API: deltas of a stream, or the whole output.
  if (body.type === "response.output_text.delta") spoken.content += textOf(body.delta);
  for (const item of listOf(body.output)) {
    for (const part of listOf(item.content)) spoken.content += textOf(part.text);
    if (item.type === "function_call") addTool(spoken.tools, item.id, item);
  }
  if (typeof body.text === "string") spoken.content += body.text; // of speech
}

function addTool(tools, key, { name, arguments: given }) {
  const tool = tools.get(key) ?? { name: "", arguments: "" };
  tools.set(key, { name: tool.name || textOf(name), arguments: tool.arguments + textOf(given) });
}

const listOf = (value) => (Array.isArray(value) ? value : []);

/** A text, the texts of its parts, or the JSON of what is neither. */
function textOf(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "string") return value;
  if (!Array.isArray(value)) return JSON.stringify(value);
  return value.map((part) => part?.text ?? (part?.type ? `[${part.type}]` : textOf(part))).join("\n");
}
