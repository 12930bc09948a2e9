import Groq from "groq-sdk";
import { describe, expect } from "vitest";
import { Scope, test } from "../llmcontract/index.js";
import { GROQ } from "./clients.js";

const ask = (llm: Scope) =>
  new Groq({ ...llm.groq.sdk, maxRetries: 0 }).chat.completions.create({
    model: GROQ,
    messages: [{ role: "user", content: "Hello" }],
  });

describe("tests side by side", () => {
  for (const answer of ["mine", "yours"]) {
    test.concurrent(answer, async ({ llm, expect }) => {
      await llm.groq.reply(answer);

      expect((await ask(llm)).choices[0].message.content).toBe(answer);
      expect(await llm.calls()).toHaveLength(1);
    });
  }
});

test("time moves when it is told to", async ({ llm }) => {
  await llm.groq.outage({ seconds: 3600 });
  await expect(ask(llm)).rejects.toMatchObject({ status: 503 });

  await llm.clock({ hours: 1 });

  expect((await ask(llm)).choices[0].message.content).toBeTruthy();
});

test("a script that nothing used is told", async ({ llm }) => {
  await llm.groq.reply("Nobody asks.");

  await expect(llm.check()).rejects.toThrow("reply");
  await llm.reset();
});

test("what the server does not take is an error that says what it takes", async ({ llm }) => {
  await expect(llm.groq.fail("rate_limit")).rejects.toThrow("rate_limit_exceeded");
});
