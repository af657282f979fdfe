/** Why glibc keeps what it keeps: thresholds and what moved them, arenas against threads and processors. */
import type { MallocTables, Snapshot } from "../snapshot/tables.ts";
import { arenaLimit, type ThresholdOrigin, thresholdOrigin } from "../strata/malloc/rules/glibc-thresholds.ts";

export interface HeapCauses {
  /** Where the mmap threshold comes from; the trim threshold moves with it. */
  readonly thresholdOrigin: ThresholdOrigin;
  /** Of the freed chunk that raised it: the threshold is its size. */
  readonly raisedByBytes: number | undefined;
  readonly arenas: number;
  readonly threads: number;
  /** Processors that are online; undefined in snapshots that do not say. */
  readonly cores: number | undefined;
  /** As many arenas as there may be; undefined where that is eight for each of an unknown number of processors. */
  readonly arenaLimit: number | undefined;
  /** Allocators' variables of its environment; undefined in snapshots that do not say. Hostile text. */
  readonly environment: Readonly<Record<string, string>> | undefined;
}

/** Undefined for another allocator than glibc, or where its settings were not found. */
export function heapCauses({ process }: Snapshot, { allocator, arenas, settings }: MallocTables): HeapCauses | undefined {
  if (allocator !== "glibc" || settings === undefined) return undefined;
  const origin = thresholdOrigin(settings);
  const cores = process.settings?.cores;
  return {
    thresholdOrigin: origin,
    raisedByBytes: origin === "raised" ? settings.mmapThreshold : undefined,
    arenas: arenas.length,
    threads: process.threads,
    cores,
    arenaLimit: settings.arenaMax > 0 || cores !== undefined ? arenaLimit(settings, cores ?? 0) : undefined,
    environment: process.settings?.environment,
  };
}
