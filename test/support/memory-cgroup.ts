import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { findMemoryCgroup } from "../../src/target/proc/cgroup.ts";

/** A memory cgroup of a test's own. */
export interface TestCgroup {
  readonly folder: string;
  /** Moves a process into it. */
  add(pid: number): void;
  limit(bytes: number): void;
  /** Processes that the kernel killed in it for want of memory. */
  killed(): number;
}

/** Makes a cgroup at the root of the memory hierarchy, or undefined where this user or host may not. Removed after the test. */
export function makeMemoryCgroup(t: TestContext): TestCgroup | undefined {
  const own = findMemoryCgroup(readFileSync("/proc/self/cgroup", "utf8"), readFileSync("/proc/self/mountinfo", "utf8"));
  if (!own) return undefined;
  const folder = join(own.mountPoint, `pystrata-test-${process.pid}`);
  const limitFile = own.version === 1 ? "memory.limit_in_bytes" : "memory.max";
  try {
    mkdirSync(folder);
    t.after(() => removeWhenEmpty(folder));
    // Present only where the controller is switched on for children.
    readFileSync(join(folder, limitFile));
  } catch {
    return undefined;
  }
  const eventsFile = join(folder, own.version === 1 ? "memory.oom_control" : "memory.events");
  return {
    folder,
    add: (pid) => writeFileSync(join(folder, "cgroup.procs"), String(pid)),
    limit: (bytes) => writeFileSync(join(folder, limitFile), String(bytes)),
    killed: () => Number(/^oom_kill (\d+)$/m.exec(readFileSync(eventsFile, "utf8"))?.[1] ?? 0),
  };
}

async function removeWhenEmpty(folder: string): Promise<void> {
  for (let round = 0; round < 100; round++) {
    try {
      rmdirSync(folder);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
