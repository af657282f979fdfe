import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "../support/command.ts";

const OUTPUT = new URL("../../src/cli/output.ts", import.meta.url).href;
/** A defect in a timer, where no caller can catch it. */
const DEFECT = `
const { guardOutput } = await import(${JSON.stringify(OUTPUT)});
guardOutput();
setTimeout(() => { throw new Error("a pool without an arena"); }, 1);
`;

function runDefect(env: Readonly<Record<string, string>>) {
  const tsx = import.meta.resolve("tsx");
  return runCommand(process.execPath, ["--import", tsx, "--input-type=module", "--eval", DEFECT], { env });
}

test("a defect of ours is one sentence and how to report it", async () => {
  const { status, stdout, stderr } = await runDefect({ PYSTRATA_DEBUG: "" });
  assert.equal(status, 1);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^pystrata: This is a defect of pystrata, not of your process: a pool without an arena\.\n {2}Please report it/,
  );
  assert.doesNotMatch(stderr, /\n\s+at /);
});

test("with PYSTRATA_DEBUG=1 it has its stack", async () => {
  const { status, stderr } = await runDefect({ PYSTRATA_DEBUG: "1" });
  assert.equal(status, 1);
  assert.match(stderr, /\n\s+at /);
});
