import { defineConfig } from "vitest/config";

export default defineConfig({ test: { globalSetup: "./llmcontract/setup.js" } });
