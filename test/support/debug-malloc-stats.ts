import { setTimeout } from "node:timers/promises";
import type { Target } from "./spawn.ts";

/** What `sys._debugmallocstats()` prints (CPython Objects/obmalloc.c, `_PyObject_DebugMallocStats` and the types' own functions). */
export interface DebugMallocStats {
  readonly arenas: number;
  readonly unusedPools: number;
  /** By size class; classes without a pool are not printed. */
  readonly sizeClasses: ReadonlyMap<number, SizeClassStats>;
  /** Dead objects by type, all sizes of tuples together; empty lists included. */
  readonly freeLists: ReadonlyMap<string, number>;
}

export interface SizeClassStats {
  readonly blockBytes: number;
  readonly pools: number;
  readonly usedBlocks: number;
  /** Never-carved ones included. */
  readonly freeBlocks: number;
}

const SIZE_CLASS_LINE = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*$/gm;
const FREE_LIST_LINE = /^\s*(\d+) free (?:\d+-sized )?(\w+?)s? \* \d+ bytes each/gm;

/** Undefined where pymalloc is not in use: its part of the output is missing then. */
export function parseDebugMallocStats(text: string): DebugMallocStats | undefined {
  const arenas = /# arenas allocated current\s*=\s*([\d,]+)/.exec(text);
  const unusedPools = /^\s*([\d,]+) unused pools/m.exec(text);
  if (arenas === null || unusedPools === null) return undefined;
  const sizeClasses = new Map<number, SizeClassStats>();
  for (const [, sizeClass, blockBytes, pools, used, free] of text.matchAll(SIZE_CLASS_LINE)) {
    const stats = { blockBytes: Number(blockBytes), pools: Number(pools), usedBlocks: Number(used), freeBlocks: Number(free) };
    sizeClasses.set(Number(sizeClass), stats);
  }
  return { arenas: count(arenas[1]), unusedPools: count(unusedPools[1]), sizeClasses, freeLists: parseFreeLists(text) };
}

/** These lines are printed under every allocator. */
export function parseFreeLists(text: string): ReadonlyMap<string, number> {
  const lists = new Map<string, number>();
  for (const [, dead, name] of text.matchAll(FREE_LIST_LINE)) lists.set(name, (lists.get(name) ?? 0) + Number(dead));
  return lists;
}

function count(text: string): number {
  return Number(text.replaceAll(",", ""));
}

/** Standard error of a target that calls `sys._debugmallocstats()`, once all of it is there: tuples are the last that it tells. */
export async function debugMallocStatsText(target: Target): Promise<string> {
  let ended = false;
  void target.ended.then(() => {
    ended = true;
  });
  while (!target.errors().includes("free 19-sized PyTupleObject")) {
    if (ended) throw new Error(`the target ended: ${target.errors()}`);
    await setTimeout(20);
  }
  return target.errors();
}
