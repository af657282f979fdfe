import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

const HUGE_PAGES = "/proc/sys/vm/nr_hugepages";

/** Sees to it that the host has swap during a test; false where it has none and this user cannot add any. */
export function lendSwap(t: TestContext, bytes: number): boolean {
  if (readFileSync("/proc/swaps", "utf8").trim().split("\n").length > 1) return true;
  const folder = mkdtempSync(join(tmpdir(), "pystrata-swap-"));
  const file = join(folder, "swap");
  try {
    // Swap files must not have holes.
    writeFileSync(file, new Uint8Array(bytes));
    chmodSync(file, 0o600);
    execFileSync("mkswap", [file], { stdio: "ignore" });
    execFileSync("swapon", [file], { stdio: "ignore" });
  } catch {
    rmSync(folder, { recursive: true });
    return false;
  }
  t.after(() => {
    execFileSync("swapoff", [file]);
    rmSync(folder, { recursive: true });
  });
  return true;
}

/** Sees to it that the host has huge pages (2 MiB) in reserve during a test; false where it has none and this user cannot reserve any. */
export function lendHugePages(t: TestContext, pages: number): boolean {
  const reserved = readFileSync(HUGE_PAGES, "utf8").trim();
  if (Number(reserved) > 0) return true;
  try {
    writeFileSync(HUGE_PAGES, String(pages));
  } catch {
    return false;
  }
  t.after(() => writeFileSync(HUGE_PAGES, reserved));
  return Number(readFileSync(HUGE_PAGES, "utf8")) >= pages;
}
