import { KIB, MIB, roundUp } from "../../../base/units.ts";
import type { MallocSettings } from "../allocator.ts";

/** DEFAULT_MMAP_THRESHOLD: where the threshold stands until the first larger mapped chunk is freed. */
export const DEFAULT_MMAP_THRESHOLD_BYTES = 128 * KIB;
/** DEFAULT_MMAP_THRESHOLD_MAX on 64-bit machines: freeing a larger chunk does not raise the threshold. */
export const MAX_DYNAMIC_THRESHOLD_BYTES = 32 * MIB;
/** NARENAS_FROM_NCORES on 64-bit machines. */
const ARENAS_PER_CORE = 8;

const HEADER_BYTES = 8;
const ALIGNMENT = 16;
const SMALLEST_CHUNK_BYTES = 32;

/** Bytes of the chunk that serves malloc(requestBytes) (request2size in malloc/malloc.c). */
export function chunkBytesFor(requestBytes: number): number {
  return Math.max(SMALLEST_CHUNK_BYTES, roundUp(requestBytes + HEADER_BYTES, ALIGNMENT));
}

/**
 * True when a request of this size gets a mapping of its own, which goes back to the kernel the moment it is freed; false when it
 * is carved from a heap, which shrinks from its end only (sysmalloc in malloc/malloc.c). A heap with room for it serves it
 * even above the threshold.
 *
 * @param mappedCount mapped chunks now
 */
export function isMapped(settings: MallocSettings, requestBytes: number, mappedCount: number): boolean {
  return chunkBytesFor(requestBytes) >= settings.mmapThreshold && mappedCount < settings.mmapMax;
}

/** How the mmap threshold came to be what it is. */
export type ThresholdOrigin =
  /** It is the default, and moves as soon as a larger mapped chunk is freed. */
  | "default"
  /** Freeing a mapped chunk of just this size raised it; the trim threshold is twice as high since. */
  | "raised"
  /** mallopt, an environment variable or a tunable set one of the thresholds, and none moves any more. */
  | "fixed";

/**
 * Where the mmap threshold comes from: __libc_free raises it to the size of a mapped chunk that is freed, and trim_threshold to
 * twice that, up to 32 MiB; setting any of M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, M_TOP_PAD or M_MMAP_MAX ends that.
 */
export function thresholdOrigin(settings: MallocSettings): ThresholdOrigin {
  if (!settings.dynamicThreshold) return "fixed";
  return settings.mmapThreshold > DEFAULT_MMAP_THRESHOLD_BYTES ? "raised" : "default";
}

/**
 * The threshold after a mapped chunk of `chunkBytes` is freed; only ever higher.
 *
 * @returns the settings as they would be then
 */
export function afterFreeingMapped(settings: MallocSettings, chunkBytes: number): MallocSettings {
  const raises = settings.dynamicThreshold && chunkBytes > settings.mmapThreshold && chunkBytes <= MAX_DYNAMIC_THRESHOLD_BYTES;
  return raises ? { ...settings, mmapThreshold: chunkBytes, trimThreshold: 2 * chunkBytes } : settings;
}

/** How many arenas there may be: M_ARENA_MAX, or eight for each core (arena_get2 in malloc/arena.c). */
export function arenaLimit(settings: MallocSettings, cores: number): number {
  return settings.arenaMax > 0 ? settings.arenaMax : ARENAS_PER_CORE * cores;
}
