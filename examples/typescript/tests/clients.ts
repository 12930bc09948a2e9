// The real packages, each asked for the same things: what they have in common is the answer that a test looks at.
import { createGroq } from "@ai-sdk/groq";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createTogetherAI } from "@ai-sdk/togetherai";
import { APICallError, generateText, jsonSchema, Output, RetryError, streamText, tool } from "ai";
import Groq from "groq-sdk";
import OpenAI from "openai";
import Together from "together-ai";
import type { Provider, Scope } from "../llmcontract/index.js";

export const GROQ = "openai/gpt-oss-120b";
export const TOGETHER = "openai/gpt-oss-120b";
export const CITY = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
} as const;

export interface Client {
  provider: "groq" | "together";
  chat(): Promise<string>;
  /** The pieces of a streamed answer. */
  stream(): Promise<string[]>;
  /** The arguments of the one tool that was called. */
  tools(): Promise<unknown>;
  structured(): Promise<unknown>;
  /** How it asks for a structured answer: `@ai-sdk/togetherai` 2 tells no schema. */
  format: "json_schema" | "json_object";
  /** The status that an error of this client tells. */
  status(error: unknown): number | undefined;
}

type Made = (llm: Scope, retries: number) => Client;

/** `groq-sdk`, `together-ai` and `openai`, which take the same. */
function ofSdk(provider: Client["provider"], model: string, client: any): Client {
  const ask = (more: object = {}) =>
    client.chat.completions.create({ model, messages: [{ role: "user", content: "Hello" }], ...more });
  return {
    provider,
    format: "json_schema",
    chat: async () => (await ask()).choices[0].message.content,
    stream: async () => {
      const pieces: string[] = [];
      for await (const chunk of await ask({ stream: true })) pieces.push(chunk.choices[0]?.delta?.content ?? "");
      return pieces.filter(Boolean);
    },
    tools: async () => {
      const weather = { type: "function", function: { name: "weather", description: "The weather", parameters: CITY } };
      const answer = await ask({ tools: [weather], tool_choice: "auto" });
      return JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments);
    },
    structured: async () => {
      const format = { type: "json_schema", json_schema: { name: "place", strict: true, schema: CITY } };
      return JSON.parse((await ask({ response_format: format })).choices[0].message.content);
    },
    status: (error) => (error as { status?: number }).status,
  };
}

/** `@ai-sdk/groq` and its like, by the functions of `ai`. */
function ofAiSdk(provider: Client["provider"], model: any, retries: number, format: Client["format"] = "json_schema"): Client {
  const asked = { model, prompt: "Hello", maxRetries: retries };
  return {
    provider,
    format,
    chat: async () => (await generateText(asked)).text,
    stream: async () => {
      const pieces: string[] = [];
      for await (const piece of streamText(asked).textStream) pieces.push(piece);
      return pieces.filter(Boolean);
    },
    tools: async () => {
      const weather = tool({ description: "The weather", inputSchema: jsonSchema(CITY as any) });
      return (await generateText({ ...asked, tools: { weather } })).toolCalls[0].input;
    },
    structured: async () =>
      (await generateText({ ...asked, output: Output.object({ schema: jsonSchema(CITY as any) }) })).output,
    status: (error) => {
      const last = RetryError.isInstance(error) ? error.lastError : error;
      return APICallError.isInstance(last) ? last.statusCode : undefined;
    },
  };
}

/** What `@ai-sdk/openai-compatible` makes of a provider that takes schemas. */
const compatible = ({ name, openai }: Provider, model: string) =>
  createOpenAICompatible({ name, ...openai, supportsStructuredOutputs: true })(model);

export const CLIENTS: Record<string, Made> = {
  "groq-sdk": (llm, maxRetries) => ofSdk("groq", GROQ, new Groq({ ...llm.groq.sdk, maxRetries })),
  "openai for Groq": (llm, maxRetries) => ofSdk("groq", GROQ, new OpenAI({ ...llm.groq.openai, maxRetries })),
  "@ai-sdk/groq": (llm, maxRetries) => ofAiSdk("groq", createGroq(llm.groq.openai)(GROQ), maxRetries),
  "together-ai": (llm, maxRetries) => ofSdk("together", TOGETHER, new Together({ ...llm.together.sdk, maxRetries })),
  "openai for Together": (llm, maxRetries) =>
    ofSdk("together", TOGETHER, new OpenAI({ ...llm.together.openai, maxRetries })),
  "@ai-sdk/togetherai": (llm, maxRetries) =>
    ofAiSdk("together", createTogetherAI(llm.together.openai)(TOGETHER), maxRetries, "json_object"),
  "@ai-sdk/openai-compatible for Groq": (llm, maxRetries) => ofAiSdk("groq", compatible(llm.groq, GROQ), maxRetries),
  "@ai-sdk/openai-compatible for Together": (llm, maxRetries) =>
    ofAiSdk("together", compatible(llm.together, TOGETHER), maxRetries),
};
