import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem } from "../../../../src/base/problems.ts";
import { MIB } from "../../../../src/base/units.ts";
import { chooseStyle } from "../../../../src/cli/format/style.ts";
import { closingLines } from "../../../../src/cli/text/closing.ts";
import { headingLines, processLines } from "../../../../src/cli/text/heading.ts";
import type { CaptureFacts } from "../../../../src/snapshot/tables.ts";
import { syntheticSnapshot } from "../../../support/synthetic-snapshot.ts";

const { capture, process } = syntheticSnapshot();
const styleOf = (width: number, verbose = false) =>
  chooseStyle({ width, colour: false, verbose, terminalColumns: undefined, environment: {} });
const problem: Problem = { kind: "chunk-list", sentence: "A list of free chunks is broken.", count: 1200, address: 0x7f00 };

function closing(changes: Partial<CaptureFacts>, problems: readonly Problem[] = [], verbose = false): string {
  return closingLines({ ...capture, ...changes }, problems, [], styleOf(100, verbose)).join("\n");
}

test("a clean capture says what it has cost", () => {
  assert.equal(closing({}), "Paused 12 ms, copied 50.0 MiB, consistent. Nothing was written into the process.");
});

test("repeated stops tell the longest and the sum", () => {
  const text = closing({ attempts: 3, pausedMilliseconds: 20, totalPausedMilliseconds: 55 });
  assert.match(text, /^Paused 3 times for 20 ms at most, 55 ms in all, copied/);
});

test("an inconsistent capture says what that means", () => {
  const text = closing({ consistent: false, attempts: 5 });
  assert.match(text, /, not consistent\./);
  assert.match(text, /inside an allocation or a collection/);
});

test("what was not read is named with the way to read it", () => {
  assert.match(closing({ complete: false, swappedBytesNotRead: 120 * MIB }), /120\.0 MiB are swapped out .* --read-swapped/);
  assert.match(closing({ complete: false }), /Some pages could not be read/);
});

test("another way to stop is named", () => {
  assert.match(closing({ method: "sigstop" }), /stopped with SIGSTOP/);
  assert.match(closing({ method: "already-stopped" }), /^It was stopped already and was left so/);
});

test("problems are counted, and listed with -v", () => {
  assert.match(closing({}, [problem]), /\n1 note: -v shows it\.$/);
  assert.match(closing({}, [problem, problem]), /\n2 notes: -v shows them\.$/);
  assert.match(
    closing({}, [problem], true),
    /\nNote: A list of free chunks is broken\. \(chunk-list, 1,200 times, first at 0x7f00\)$/,
  );
});

test("a problem that leaves out a stratum is said in any case", () => {
  const grave = { kind: "malloc-unknown", sentence: "No malloc was recognised.", count: 1 };
  assert.match(closing({}, [grave]), /\nNote: No malloc was recognised\. \(malloc-unknown\)$/);
  assert.match(closing({}, [problem, grave]), /\nNote: No malloc was recognised\. \(malloc-unknown\)\n1 note: -v shows it\.$/);
});

test("facts of the heading give way from the right, name and pid never", () => {
  assert.deepEqual(processLines(process, styleOf(100)), [
    "im-gateway  pid 41207, CPython 3.11.7, glibc 2.36, 38 threads, up 3 d 4 h",
  ]);
  const longer = { ...process, name: "a-rather-long-gateway-name" };
  assert.deepEqual(processLines(longer, styleOf(60)), ["a-rather-long-gateway-name  pid 41207, CPython 3.11.7"]);
  const longest = processLines({ ...process, name: "n".repeat(90) }, styleOf(60));
  assert.deepEqual(longest.slice(0, 2), ["n".repeat(60), "n".repeat(30)]);
  assert.equal(longest[2], "  pid 41207, CPython 3.11.7, glibc 2.36, up 3 d 4 h");
  assert.deepEqual(headingLines("malloc", ["x"], styleOf(60)), ["malloc  x"]);
});

test("what was not recognised is said in the heading", () => {
  const [line] = processLines({ ...process, python: undefined, allocator: undefined, threads: 1 }, styleOf(120));
  assert.equal(line, "im-gateway  pid 41207, no CPython recognised, allocator not recognised, 1 thread, up 3 d 4 h");
});
