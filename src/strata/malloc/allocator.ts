import type { PageSet } from "../../base/page-set.ts";
import type { Problem } from "../../base/problems.ts";
import type { Mapping } from "../../target/mapping.ts";
import type { AddressRange, MemoryImage } from "../../target/memory-image.ts";
import type { KernelThread } from "../../target/process-image.ts";

/** What the decoders need of a stopped process. */
export interface MallocInput {
  readonly image: MemoryImage;
  readonly mappings: readonly Mapping[];
  readonly resident: PageSet;
  readonly threads: readonly KernelThread[];
}

/** State of a chunk. Together the chunks of an allocator tile the memory that it took from the kernel. */
export const ChunkState = {
  inUse: 0,
  free: 1,
  /** In a fastbin: free, but not merged. */
  fast: 2,
  /** In a per-thread cache: free, but in use for the allocator's own accounts. */
  cached: 3,
  /** Whole pages that serve no size class: glibc's wilderness at the end of an arena's last heap, free page runs of the others. */
  top: 4,
  /** In use, a mapping of its own. */
  mapped: 5,
  /** The allocator's own structures: arena and heap headers, thread-cache structures, fenceposts, alignment. */
  overhead: 6,
} as const;

/** All chunks of one allocator, ascending by address, disjoint. 19 bytes a chunk. */
export interface ChunkTable {
  readonly length: number;
  /** First byte of the chunk, header included. */
  readonly address: Float64Array;
  /** Bytes of the chunk, header included. */
  readonly bytes: Float64Array;
  /** `ChunkState`. */
  readonly state: Uint8Array;
  /** Index into `arenas`, 0xffff for mapped chunks. */
  readonly arena: Uint16Array;
}

/** One arena and what lies in it, in bytes of address space; in use + free + fast + cached + top = system. */
export interface MallocArena {
  readonly address: number;
  readonly main: boolean;
  readonly systemBytes: number;
  readonly inUseBytes: number;
  readonly freeBytes: number;
  readonly fastBytes: number;
  readonly cachedBytes: number;
  readonly topBytes: number;
  readonly chunks: number;
  readonly freeChunks: number;
  /** Threads whose next allocation goes here, where known. */
  readonly threads: readonly number[];
  /** [start, end) of every heap and segment. */
  readonly ranges: readonly AddressRange[];
}

/** Allocations of one size, counted: everything that an allocator with size classes rounds up to `bytes`. */
export interface SizeClass {
  /** Bytes of one allocation. */
  readonly bytes: number;
  /** Allocations that the program holds. */
  readonly live: number;
  /** Freed by the program, kept in a cache of a thread or between threads. */
  readonly cached: number;
  /** Places without an allocation in the pages of this class; 0 for sizes that get pages of their own. */
  readonly free: number;
  /** Resident bytes of the pages of this class. */
  readonly residentBytes: number;
}

/** Whole free pages that an allocator keeps in one state. */
export interface FreePages {
  /** In the allocator's own words: jemalloc's dirty, muzzy, retained; tcmalloc's normal, returned. */
  readonly state: string;
  readonly bytes: number;
  readonly residentBytes: number;
}

/** What an allocator's decoder found in an image. Every allocator has its own decoder and this one result. */
export interface MallocHeap {
  readonly allocator: "glibc" | "jemalloc" | "tcmalloc" | "mimalloc";
  /** Version as far as the structures tell it, such as "2.30–2.41". */
  readonly variant: string;
  readonly arenas: readonly MallocArena[];
  readonly chunks: ChunkTable;
  /** Bytes from a chunk's first byte to the pointer that malloc returned (16 for glibc). */
  readonly headerBytes: number;
  /** Bytes at the start of the *next* chunk that this chunk may use (8 for glibc, when in use). */
  readonly borrowedBytes: number;
  readonly mapped: { readonly count: number; readonly bytes: number };
  /** Ascending by size, those in use only; undefined for glibc, which cuts chunks to measure. */
  readonly sizeClasses: readonly SizeClass[] | undefined;
  /** Chunks in state `top` by how they are kept; empty for glibc, whose top is one chunk. */
  readonly freePages: readonly FreePages[];
  readonly settings: MallocSettings | undefined;
  /** Where it keeps its global state: what lies there is the allocator's own. */
  readonly stateRanges: readonly (AddressRange & { readonly what: string })[];
  /** True when the stop fell inside the allocator: a lock held or a list broken. */
  readonly busy: boolean;
  readonly problems: readonly Problem[];
}

/** The allocator's tunable state as it is now (glibc: malloc_par). */
export interface MallocSettings {
  readonly mmapThreshold: number;
  readonly mmapMax: number;
  readonly trimThreshold: number;
  readonly topPad: number;
  /** True while glibc still raises the thresholds by itself. */
  readonly dynamicThreshold: boolean;
  /** 0 when not set. */
  readonly arenaMax: number;
}
