import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAvailableBytes, readAvailableBytes } from "../../../../src/target/proc/meminfo.ts";
import { parseStat, readStat } from "../../../../src/target/proc/stat.ts";
import { parseStatus, readStatus } from "../../../../src/target/proc/status.ts";
import { listThreads, parseSyscall, threadName } from "../../../../src/target/proc/tasks.ts";

test("stat: a name with blanks and parentheses does not shift the fields", () => {
  const numbers = Array.from({ length: 49 }, (_, index) => index + 4).join(" ");
  const stat = parseStat(`17 (a) R ) (b) S ${numbers}\n`);
  assert.ok(stat);
  assert.equal(stat.name, "a) R ) (b");
  assert.equal(stat.state, "S");
  // The documentation counts fields from 1: 4 ppid, 6 session, 10 minflt, 12 majflt, 20 threads, 22 starttime, 28 startstack.
  const { parentPid, sessionId, minorFaults, majorFaults, threads, startTicks, startStack } = stat;
  assert.deepEqual(
    { parentPid, sessionId, minorFaults, majorFaults, threads, startTicks, startStack },
    { parentPid: 4, sessionId: 6, minorFaults: 10, majorFaults: 12, threads: 20, startTicks: 22, startStack: 28 },
  );
});

test("stat: what is no stat is undefined", () => {
  for (const text of ["", "17", "17 (a", ")(", "17 (a) S 1 2"]) assert.equal(parseStat(text), undefined, text);
});

test("stat and status: our own", () => {
  const stat = readStat(process.pid);
  const status = readStatus(process.pid);
  assert.ok(stat.ok && status.ok);
  assert.equal(stat.value.pid, process.pid);
  assert.equal(stat.value.parentPid, process.ppid);
  assert.equal(status.value.parentPid, process.ppid);
  assert.equal(status.value.effectiveUid, process.geteuid?.());
  assert.ok(status.value.hasMemory && status.value.peakResidentBytes >= 10 * 2 ** 20 && status.value.threads > 1);
});

test("status: a kernel thread has no memory, absent lines are 0, a nasty name stays a name", () => {
  const status = parseStatus(
    "Name:\tx\\nTracerPid: 7\nState:\tS (sleeping)\nTgid:\t9\nUid:\t1\t2\t3\t4\nNSpid:\t9\t1\nVmSwap:\t     8 kB\n",
  );
  assert.equal(status.name, "x\\nTracerPid: 7");
  assert.equal(status.tracerPid, 0);
  assert.equal(status.state, "S");
  assert.equal(status.hasMemory, false);
  assert.deepEqual([status.realUid, status.effectiveUid], [1, 2]);
  assert.deepEqual(status.namespacePids, [9, 1]);
  assert.equal(status.swappedBytes, 8192);
});

test("tasks: main thread first, names, and registers from a system call's line", () => {
  const threads = listThreads(process.pid);
  assert.ok(threads.ok && threads.value[0] === process.pid && threads.value.length > 1);
  assert.equal(threadName(process.pid, 1), "");
  assert.deepEqual(parseSyscall("232 0x4 0x7f 0x8 0x0 0x0 0x8 0x7ffe00 0x7f1234\n"), {
    stackPointer: 0x7ffe00,
    instructionPointer: 0x7f1234,
  });
  assert.deepEqual(parseSyscall("-1 0x7ffe00 0x7f1234\n"), { stackPointer: 0x7ffe00, instructionPointer: 0x7f1234 });
  assert.equal(parseSyscall("running\n"), undefined);
});

test("meminfo: MemAvailable, where there is one", () => {
  assert.equal(parseAvailableBytes("MemTotal:  100 kB\nMemAvailable:     50 kB\nHugePages_Total:       0\n"), 50 * 1024);
  assert.equal(parseAvailableBytes("MemTotal:  100 kB\n"), undefined);
  assert.ok((readAvailableBytes() ?? 0) > 2 ** 20);
});
