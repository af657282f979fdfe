import type { PageSet } from "../../../base/page-set.ts";
import { PAGE_BYTES } from "../../../base/units.ts";
import type { AddressRange, MemoryImage } from "../../../target/memory-image.ts";
import { CHUNK, ChunkFlag } from "./layouts.ts";

/** A chunk with a mapping of its own. */
export interface MappedChunk {
  /** First byte of the mapping. */
  readonly start: number;
  readonly end: number;
  /** First byte of the chunk: above `start` where an alignment was asked for. */
  readonly chunk: number;
}

/** Alignments that memalign may have been asked for. */
const SMALLEST_ALIGNMENT = 32;
const LARGEST_ALIGNMENT = 2 ** 30;
/** From 2.43 on the size leaves out the 16 bytes behind the chunk that no next chunk lends. */
const TAIL_BYTES_FROM_43 = 16;
const PAGE_MASK = PAGE_BYTES - 1;

/**
 * Mapped chunks: a header at a page's start with prev_size 0 and a size of whole pages with IS_MMAPPED set
 * (sysmalloc_mmap in malloc/malloc.c). What lies in a chunk that was found is not looked at, so data cannot pose as one there.
 *
 * @param memory anonymous memory that is no heap or segment, neighbours joined
 */
export function findMappedChunks(image: MemoryImage, memory: readonly AddressRange[], resident: PageSet): MappedChunk[] {
  const found: MappedChunk[] = [];
  for (const range of memory) {
    for (let page = range.start; page < range.end; ) {
      const bytes = resident.has(page) ? mappedBytesAt(image, page) : 0;
      if (bytes > 0 && page + bytes <= range.end) {
        found.push({ start: page, end: page + bytes, chunk: alignedChunk(image, page, bytes) });
        page += bytes;
      } else {
        page += PAGE_BYTES;
      }
    }
  }
  return found;
}

/**
 * Drops what only looks like a mapped chunk: data of somebody else's mapping. glibc counts its mapped chunks and their bytes; where
 * one was found too many and leaving out exactly one of them makes both figures right, that is the one.
 *
 * @returns `found` as it is where the figures do not tell
 */
export function dropImpostor(found: readonly MappedChunk[], count: number, bytes: number): readonly MappedChunk[] {
  if (found.length !== count + 1) return found;
  const excessBytes = found.reduce((sum, { start, end }) => sum + end - start, 0) - bytes;
  const suspects = found.filter(({ start, end }) => end - start === excessBytes);
  return suspects.length === 1 ? found.filter((chunk) => chunk !== suspects[0]) : found;
}

/** Bytes of the mapping of the chunk at `page`, 0 when there is none. */
function mappedBytesAt(image: MemoryImage, page: number): number {
  const low = image.u32(page + CHUNK.size);
  const tail = (low & PAGE_MASK) === ChunkFlag.mapped ? 0 : TAIL_BYTES_FROM_43;
  if (((low + tail) & PAGE_MASK) !== ChunkFlag.mapped || image.u64(page) !== 0) return 0;
  return image.u64(page + CHUNK.size) - ChunkFlag.mapped + tail;
}

/**
 * memalign leaves the header at the mapping's start as it was and writes a second one at the first aligned place, whose
 * prev_size is the way back (_int_memalign in malloc/malloc.c).
 */
function alignedChunk(image: MemoryImage, start: number, bytes: number): number {
  for (let alignment = SMALLEST_ALIGNMENT; alignment <= LARGEST_ALIGNMENT && alignment < bytes; alignment *= 2) {
    const user = Math.ceil((start + CHUNK.header) / alignment) * alignment;
    let chunk = user - CHUNK.header;
    if (chunk - start < CHUNK.minimum) chunk += alignment;
    const lead = chunk - start;
    if (lead >= bytes || image.u64(chunk) !== lead) continue;
    const size = image.u64(chunk + CHUNK.size) - ChunkFlag.mapped;
    if (size === bytes - lead || size === bytes - lead - TAIL_BYTES_FROM_43) return chunk;
  }
  return start;
}
