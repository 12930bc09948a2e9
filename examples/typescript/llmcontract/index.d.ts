import type { TestAPI } from "vitest";

/** What a client is made with: `new Groq(llm.groq.sdk)`, `new OpenAI(llm.groq.openai)`. */
export interface ClientOptions {
  baseURL: string;
  apiKey: string;
}

/** Request fields that a call must have, or a text that it must hold. */
export type When = Record<string, unknown> | string;

/** How often a script is used; `null`: always. */
export type Times = number | null;

export interface Reply {
  content?: string | string[];
  structured?: Record<string, unknown>;
  tool_calls?: { name: string; arguments: unknown }[];
  body?: unknown;
  headers?: Record<string, string>;
  reasoning?: string;
  finish_reason?: string;
  usage?: Record<string, number>;
  when?: When;
  times?: Times;
}

export interface Failure {
  /** Seconds. */
  retry_after?: number;
  limit?: string;
  message?: string;
  headers?: Record<string, string>;
  values?: Record<string, unknown>;
  body?: unknown;
  when?: When;
  times?: Times;
}

export interface Script {
  script: string;
  times: Times;
}

export interface Provider {
  readonly name: "groq" | "together";
  /** For the provider's own package: `groq-sdk`, `together-ai`. */
  readonly sdk: ClientOptions;
  /** For `openai`, `@ai-sdk/groq`, `@ai-sdk/togetherai`. */
  readonly openai: ClientOptions;
  reply(answer: string | Reply): Promise<Script>;
  /** An error by its name or status, or a fault of the connection such as `connection_reset`. */
  fail(error: string | number, more?: Failure): Promise<Script>;
  outage(more?: { seconds?: number; error?: string | number; when?: When }): Promise<Script>;
  cutStream(more?: { after?: number; at_byte?: number; how?: string; error?: string; body?: unknown; when?: When; times?: Times }): Promise<Script>;
  /** Drains a limit, such as `RPM`. */
  exhaust(limit: string, more?: { model?: string }): Promise<unknown>;
  /** A method of the account: `account("charge", [12.5])`. */
  account(act: string, args?: unknown[], named?: Record<string, unknown>): Promise<unknown>;
}

export interface Call {
  provider: string;
  operation: string;
  model: string | null;
  status: number;
  error: string | null;
  at: number;
  attempt: number;
  made_by: string;
  stream: boolean;
  request: any;
  tokens: number | null;
  cost: string | null;
  retry_after: number | null;
  findings: string[];
}

export interface Finding {
  code: string;
  severity: "error" | "warning" | "info";
  message: string;
  provider: string;
  operation: string;
  path: string;
  sent: unknown;
  allowed: unknown;
  answer: string;
  fix: string;
}

export class Scope {
  constructor(server: string, name: string);
  readonly name: string;
  /** The scope's own address on the server. */
  readonly url: string;
  readonly groq: Provider;
  readonly together: Provider;
  calls(): Promise<Call[]>;
  findings(): Promise<Finding[]>;
  state(): Promise<any>;
  /** Moves the scope's time on. */
  clock(by: { seconds?: number; minutes?: number; hours?: number; days?: number; to?: string }): Promise<{ now: string; elapsed: number }>;
  reset(): Promise<unknown>;
  /** Throws if something is wrong with the calls, or a script was never used. */
  check(): Promise<void>;
  /** Any other address of the control API. */
  control(method: "GET" | "POST", path: string, body?: unknown): Promise<any>;
}

export const test: TestAPI<{ llm: Scope }>;

declare module "vitest" {
  interface ProvidedContext {
    llmcontract: string;
  }
}
