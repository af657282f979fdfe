import { roundUp } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import type { MallocSettings } from "../allocator.ts";
import { CHUNK, ChunkFlag, PARAMETERS_LAYOUTS, type ParametersLayout } from "./layouts.ts";

/** The global `mp_` of glibc's malloc. */
export interface MallocParameters {
  readonly address: number;
  readonly layout: ParametersLayout;
  readonly settings: MallocSettings;
  /** n_mmaps and mmapped_mem: mapped chunks now. */
  readonly mappedCount: number;
  readonly mappedBytes: number;
  /** sbrk_base */
  readonly firstBreak: number;
  /** Chunks that a thread cache keeps of a size; undefined before thread caches. */
  readonly cacheCount: number | undefined;
}

const DEFAULT_MAPPED_COUNT_LIMIT = 65536;
/** NARENAS_FROM_NCORES(1) on 64-bit machines; only GLIBC_TUNABLES and mallopt change it. */
const DEFAULT_ARENA_TEST = 8;
const MAX_ARENAS = 2 ** 20;
const MAX_CACHE_BINS = 128;
const MAX_CACHE_COUNT = 65535;

/**
 * Finds `mp_` next to the main arena by its sbrk_base, a pointer to the first chunk of the brk heap (or of the first segment
 * where brk was blocked), and by what must hold between its counters.
 *
 * @param data the static data that holds the main arena
 * @param memory where malloc's memory can lie: the anonymous ranges of the target
 */
export function detectParameters(
  image: MemoryImage,
  data: AddressRange,
  memory: readonly AddressRange[],
): MallocParameters | undefined {
  let best: MallocParameters | undefined;
  let bestScore = 0;
  for (let address = data.start; address + 8 <= data.end; address += 8) {
    const firstBreak = image.u64(address);
    if (!memory.some((range) => firstBreak >= range.start && firstBreak < range.end)) continue;
    if (!beginsWithChunk(image, firstBreak)) continue;
    for (const layout of PARAMETERS_LAYOUTS) {
      const base = address - layout.firstBreak;
      if (base < data.start) continue;
      const score = plausibility(image, layout, base);
      if (score > bestScore) {
        bestScore = score;
        best = readParameters(image, layout, base);
      }
    }
  }
  return best;
}

function beginsWithChunk(image: MemoryImage, address: number): boolean {
  const size = image.u32(roundUp(address, CHUNK.alignment) + CHUNK.size);
  return (size & ChunkFlag.all) === ChunkFlag.previousInUse && size >= CHUNK.minimum;
}

/** 0 when `layout` cannot hold at `base`; otherwise the more fields have their default, the higher. */
function plausibility(image: MemoryImage, layout: ParametersLayout, base: number): number {
  const mappedCount = image.u32(base + layout.mappedCount);
  const mappedBytes = image.u64(base + layout.mappedBytes);
  const arenaTest = image.u64(base + layout.arenaTest);
  const possible =
    mappedCount <= image.u32(base + layout.maxMappedCount) &&
    mappedBytes <= image.u64(base + layout.maxMappedBytes) &&
    (mappedCount === 0) === (mappedBytes === 0) &&
    image.u32(base + layout.noDynamicThreshold) <= 1 &&
    image.u64(base + layout.mmapThreshold) > 0 &&
    arenaTest < MAX_ARENAS &&
    image.u64(base + layout.arenaMax) < MAX_ARENAS &&
    (layout.cacheBins === undefined ||
      layout.cacheCount === undefined ||
      hasPlausibleCacheLimits(image, layout.cacheBins, layout.cacheCount, base));
  if (!possible) return 0;
  let score = 1;
  if (image.u32(base + layout.mappedCountLimit) === DEFAULT_MAPPED_COUNT_LIMIT) score += 4;
  if (arenaTest === DEFAULT_ARENA_TEST) score += 4;
  // A row with more fields that fit says more than one with fewer.
  if (layout.cacheBins !== undefined) score += 2;
  return score;
}

/** The limits of thread caches are never zero, so that a row that has them does not fit memory without them. */
function hasPlausibleCacheLimits(image: MemoryImage, bins: number, count: number, base: number): boolean {
  const binCount = image.u64(base + bins);
  return binCount >= 1 && binCount <= MAX_CACHE_BINS && image.u64(base + count) <= MAX_CACHE_COUNT;
}

function readParameters(image: MemoryImage, layout: ParametersLayout, base: number): MallocParameters {
  return {
    address: base,
    layout,
    settings: {
      mmapThreshold: image.u64(base + layout.mmapThreshold),
      mmapMax: image.u32(base + layout.mappedCountLimit),
      trimThreshold: image.u64(base + layout.trimThreshold),
      topPad: image.u64(base + layout.topPad),
      dynamicThreshold: image.u32(base + layout.noDynamicThreshold) === 0,
      arenaMax: image.u64(base + layout.arenaMax),
    },
    mappedCount: image.u32(base + layout.mappedCount),
    mappedBytes: image.u64(base + layout.mappedBytes),
    firstBreak: image.u64(base + layout.firstBreak),
    cacheCount: layout.cacheCount === undefined ? undefined : image.u64(base + layout.cacheCount),
  };
}
