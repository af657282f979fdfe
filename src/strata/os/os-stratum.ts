import type { ClaimKind } from "./claim-kind.ts";
import type { LibraryPart } from "./mapping-kind.ts";

/**
 * The mappings of a process, classified. One row is one line of /proc/PID/maps or, where the kernel merged neighbours
 * (a bss with the anonymous memory behind it, two stacks), a part of one: rows are ascending, disjoint and tile the lines.
 */
export interface OsMappings {
  readonly length: number;
  readonly start: Float64Array;
  readonly end: Float64Array;
  /** `MappingKind` */
  readonly kind: Uint8Array;
  readonly permissions: readonly string[];
  /** Path or pseudo name as the kernel spells it; hostile text. */
  readonly path: readonly string[];
  /** Index into `OsStratum.libraries`, -1 when not one; bss belongs to its library. */
  readonly library: Int32Array;
  /** Kernel thread id of a stack, -1 otherwise or when the thread has finished. */
  readonly thread: Int32Array;
  readonly part: readonly LibraryPart[];
  /** What it is, for people; may hold hostile text. */
  readonly label: readonly string[];
  /** 1 for memory of the hugetlb pool, which lies outside Rss. */
  readonly hugetlb: Uint8Array;
  readonly residentBytes: Float64Array;
  readonly swappedBytes: Float64Array;
  /** Present but the shared zero page: costs nothing. */
  readonly zeroBytes: Float64Array;
  /** Part of `residentBytes` on huge pages. */
  readonly hugeBytes: Float64Array;
}

/** An executable or a shared object. */
export interface Library {
  /** Path without the kernel's " (deleted)"; hostile text. */
  readonly path: string;
  /** Base name, with its folder or a number where another has the same: no two libraries share a name. Hostile text. */
  readonly name: string;
  /** True when the file was removed or replaced since it was mapped. */
  readonly deleted: boolean;
  /** First byte of its first mapping, and end of the run of mappings that begins there; bss lies behind it. */
  readonly start: number;
  readonly end: number;
  /** Where its first byte is mapped, ascending: once as a rule, more often when it was loaded by dlmopen too. */
  readonly starts: readonly number[];
}

/** Who recognises a range of memory of no file. */
export interface Claim {
  readonly start: number;
  readonly end: number;
  readonly kind: ClaimKind;
  /** What precisely, for people; may hold hostile text. */
  readonly label: string;
  /** Index into `OsStratum.libraries` of a `library` claim. */
  readonly library?: number | undefined;
}

/** The stratum of the operating system: what the kernel handed out, and to what. */
export interface OsStratum {
  readonly mappings: OsMappings;
  readonly libraries: readonly Library[];
  /** Stacks, thread control blocks and memory of the dynamic loader; ascending and disjoint. */
  readonly claims: readonly Claim[];
}
