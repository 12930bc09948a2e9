// Starts `llmcontract serve` before the tests and stops it after them: `globalSetup` of vitest.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const LINE = /^llmcontract: serving on (http:\S+)$/;
/** What starts it, where it is not on the PATH by its name. */
const COMMAND = process.env.LLMCONTRACT || "llmcontract";
const OPTIONS = ["serve", "--port", "0", "--virtual-time"];

/** @param {import("vitest/node").TestProject} project */
export default async function setup(project) {
  const server = spawn(COMMAND, OPTIONS, { stdio: ["ignore", "pipe", "inherit"] });
  project.provide("llmcontract", await addressOf(server));
  return () => stopped(server);
}

/** The address in the one line that the server prints. */
async function addressOf(server) {
  const failed = new Promise((_, reject) => {
    server.once("error", (error) => reject(new Error(`${COMMAND} does not start: ${error.message}; pip install 'pytest-llmcontract[server]'`)));
    server.once("exit", (code) => reject(new Error(`${COMMAND} ${OPTIONS.join(" ")} ended with ${code}`)));
  });
  const first = new Promise((resolve) => createInterface(server.stdout).once("line", resolve));
  const line = await Promise.race([first, failed]);
  const found = LINE.exec(line);
  if (!found) {
    server.kill();
    throw new Error(`${COMMAND} printed another line than its address: ${line}`);
  }
  failed.catch(() => {}); // it ends when it is told to
  return found[1];
}

function stopped(server) {
  if (server.exitCode !== null) return;
  return new Promise((resolve) => {
    server.once("exit", resolve);
    server.kill("SIGTERM");
  });
}
