// Each test has a scope of its own on the server: limits, scripts, calls and time that no other test shares.
import { test as base, inject } from "vitest";

/** `test` of vitest with `llm`, the test's scope; what a client swallowed fails the test in its end. */
export const test = base.extend({
  llm: async ({ task }, use) => {
    const llm = new Scope(inject("llmcontract"), `${task.name}-${task.id}`);
    await llm.reset(); // a test that is tried again begins anew
    await use(llm);
    if (task.result?.state !== "fail") await llm.check();
    await llm.reset();
  },
});

export class Scope {
  constructor(server, name) {
    this.name = name.replace(/[^\w.-]+/g, "-");
    this.url = `${server}/t/${this.name}`;
    this.groq = new Provider(this, "groq", "", "/openai/v1");
    this.together = new Provider(this, "together", "/v1", "/v1");
  }

  calls() {
    return this.control("GET", "/calls");
  }

  findings() {
    return this.control("GET", "/findings");
  }

  state() {
    return this.control("GET", "/state");
  }

  clock(by) {
    return this.control("POST", "/clock", by);
  }

  reset() {
    return this.control("POST", "/reset", {});
  }

  /** Throws if something is wrong with the calls, or a script was never used. */
  async check() {
    const errors = (await this.findings()).filter((finding) => finding.severity === "error");
    if (errors.length) throw new Error(errors.map((one) => `${one.code} ${one.message}; ${one.fix}`).join("\n"));
  }

  async control(method, path, body) {
    const reply = await fetch(`${this.url}/_llmcontract${path}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const said = await reply.json();
    if (!reply.ok) throw new Error(said.error.message);
    return said;
  }
}

class Provider {
  #scope;

  constructor(scope, name, sdk, openai) {
    this.#scope = scope;
    this.name = name;
    this.sdk = { baseURL: `${scope.url}/${name}${sdk}`, apiKey: "not-a-key" };
    this.openai = { baseURL: `${scope.url}/${name}${openai}`, apiKey: "not-a-key" };
  }

  reply(answer) {
    return this.#post("/reply", typeof answer === "string" ? { content: answer } : answer);
  }

  fail(error, more = {}) {
    return this.#post("/fail", { error, ...more });
  }

  outage(more = {}) {
    return this.#post("/outage", more);
  }

  cutStream(more = {}) {
    return this.#post("/cut_stream", more);
  }

  exhaust(limit, more = {}) {
    return this.#post("/exhaust", { limit, ...more });
  }

  account(act, args = [], named = {}) {
    return this.#post("/account", { do: act, args, with: named });
  }

  #post(path, body) {
    return this.#scope.control("POST", path, { provider: this.name, ...body });
  }
}
