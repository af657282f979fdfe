import { readFileSync } from "node:fs";
import { fail, type Result, succeed } from "../../base/result.ts";

/** The `code` of a Node system error such as `ENOENT`, or undefined for anything else. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/**
 * The text of `/proc/PID/<name>`.
 * Fails with `no-such-process` when the process is gone and `not-permitted` when the kernel refuses; other errors are
 * `failed` with the kernel's name for them.
 */
export function readProcessFile(pid: number, name: string): Result<string> {
  try {
    return succeed(readFileSync(`/proc/${pid}/${name}`, "utf8"));
  } catch (error) {
    return explainProcError(pid, name, error);
  }
}

/** Text of a /proc or /sys file that may be absent or closed to us. */
export function readOptionalFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The failure that stands for a system error on a file of `/proc/PID`. */
export function explainProcError(pid: number, name: string, error: unknown): Result<never> {
  const code = errorCode(error);
  switch (code) {
    case "ENOENT":
    case "ESRCH":
      return fail(
        "no-such-process",
        `There is no process ${pid}, or it has just ended.`,
        "Run pystrata without arguments to list the Python processes.",
      );
    case "EACCES":
    case "EPERM":
      return fail(
        "not-permitted",
        `The kernel does not let this user read /proc/${pid}/${name}.`,
        `Run as root or as the process's user; pystrata doctor ${pid} says what is missing.`,
      );
    default:
      return fail("failed", `Reading /proc/${pid}/${name} failed: ${code ?? String(error)}.`);
  }
}

/**
 * The lines `Name:  12 kB` of a /proc file as bytes by name; lines of any other form are skipped.
 * (fs/proc/task_mmu.c and meminfo.c print every size in kB of 1,024 bytes.)
 */
export function parseKilobyteLines(text: string): Map<string, number> {
  const bytes = new Map<string, number>();
  for (const match of text.matchAll(/(?<![^\n])([^\s:]+):\s+(\d+) kB(?![^\n])/g)) bytes.set(match[1], Number(match[2]) * 1024);
  return bytes;
}
