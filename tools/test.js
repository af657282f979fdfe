/**
 * `npm test`: installs, builds, checks and runs every test. `npm test -- PATH…` runs the given test files only.
 *
 * The checks come first and node's test runner last, so that its totals are what a reader sees at the end.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { install, ROOT, run } from "./run.js";

/** Longest time for one test file; those that pause and kill hundreds of times take minutes on two cores. */
const FILE_MILLISECONDS = 20 * 60_000;
/** Test files start processes of their own: more at once than this and they time each other out on two cores. */
const CONCURRENT_FILES = 2;

const chosen = process.argv.slice(2);
const files = chosen.length > 0 ? chosen : testFiles("test");

install();
run("npm", ["run", "--silent", "build"]);
if (chosen.length === 0) {
  run("npm", ["run", "--silent", "typecheck"]);
  run("npm", ["run", "--silent", "lint"]);
}
run(process.execPath, [
  "--import",
  "tsx",
  "--test",
  `--test-concurrency=${CONCURRENT_FILES}`,
  `--test-timeout=${FILE_MILLISECONDS}`,
  `--test-reporter=${process.stdout.isTTY ? "spec" : "tap"}`,
  "--test-reporter-destination=stdout",
  ...files,
]);

function testFiles(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true })
    .filter((name) => name.endsWith(".test.ts"))
    .sort()
    .map((name) => join(folder, name));
}
