import { describe, expect } from "vitest";
import { test } from "../llmcontract/index.js";
import { CLIENTS } from "./clients.js";

const BUSY = { groq: [498, "flex_capacity_exceeded"], together: [503, "overloaded"] } as const;

describe.each(Object.entries(CLIENTS))("%s", (_, made) => {
  test("chat", async ({ llm }) => {
    const client = made(llm, 0);
    await llm[client.provider].reply("Hi there.");

    expect(await client.chat()).toBe("Hi there.");
    expect((await llm.calls()).map((call) => [call.provider, call.status])).toEqual([[client.provider, 200]]);
  });

  test("stream", async ({ llm }) => {
    const client = made(llm, 0);
    await llm[client.provider].reply({ content: ["It ", "is ", "sunny."] });

    expect(await client.stream()).toEqual(["It ", "is ", "sunny."]);
    expect((await llm.calls())[0].stream).toBe(true);
  });

  test("tools", async ({ llm }) => {
    const client = made(llm, 0);
    await llm[client.provider].reply({ tool_calls: [{ name: "weather", arguments: { city: "Oslo" } }] });

    expect(await client.tools()).toEqual({ city: "Oslo" });
  });

  test("structured output", async ({ llm }) => {
    const client = made(llm, 0);
    await llm[client.provider].reply({ structured: { city: "Oslo" } });

    expect(await client.structured()).toEqual({ city: "Oslo" });
    expect((await llm.calls())[0].request.response_format.type).toBe(client.format);
  });

  test("429, then success", async ({ llm }) => {
    const client = made(llm, 1);
    await llm[client.provider].fail(429, { retry_after: 1 });
    await llm[client.provider].reply("At last.");

    expect(await client.chat()).toBe("At last.");
    expect((await llm.calls()).map((call) => call.status)).toEqual([429, 200]);
  });

  test("498 of Groq, 503 of Together", async ({ llm }) => {
    const client = made(llm, 0);
    const [status, error] = BUSY[client.provider];
    await llm[client.provider].fail(error);

    const failed = await client.chat().catch((error) => error);

    expect(client.status(failed)).toBe(status);
    expect((await llm.calls()).map((call) => call.error)).toEqual([error]);
  });

  test("401", async ({ llm }) => {
    const client = made(llm, 2);
    await llm[client.provider].fail(401);

    const failed = await client.chat().catch((error) => error);

    expect(client.status(failed)).toBe(401);
    expect(await llm.calls()).toHaveLength(1); // nobody tries again with a key that is no good
  });
});
