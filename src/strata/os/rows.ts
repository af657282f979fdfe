import type { Mapping } from "../../target/mapping.ts";
import { type Range, subtractRanges } from "./address-ranges.ts";
import { isHugetlb, kindOf, labelOf } from "./kind-of-mapping.ts";
import type { LibraryIndex } from "./libraries.ts";
import { type LibraryPart, MappingKind } from "./mapping-kind.ts";
import type { Library, OsMappings } from "./os-stratum.ts";
import type { PageTotals } from "./page-totals.ts";

/** One row of the table to be: a mapping or a part of one. */
export interface Row extends Range {
  readonly mapping: Mapping;
  readonly kind: MappingKind;
  readonly library: number;
  readonly thread: number;
  readonly label: string;
}

/** What a part of an anonymous mapping is. */
export type Mark = Omit<Row, "mapping">;

/** The rows of all mappings: anonymous memory is cut along the marks, every other mapping is one row. */
export function cutMappings(mappings: readonly Mapping[], pid: number, index: LibraryIndex, marks: readonly Mark[]): Row[] {
  const rows: Row[] = [];
  let next = 0;
  for (const [at, mapping] of mappings.entries()) {
    const row = rowOf(mapping, pid, index.ofMapping[at], index.libraries);
    while (next < marks.length && marks[next].end <= mapping.start) next++;
    // Guard pages and reservations are nobody's.
    if (row.kind !== MappingKind.anonymous || mapping.permissions[0] !== "r") {
      rows.push(row);
      continue;
    }
    const inside: Row[] = [];
    for (let mark = next; mark < marks.length && marks[mark].start < mapping.end; mark++) {
      const start = Math.max(marks[mark].start, mapping.start);
      inside.push({ ...marks[mark], mapping, start, end: Math.min(marks[mark].end, mapping.end) });
    }
    rows.push(...[...inside, ...subtractRanges([row], inside)].sort((a, b) => a.start - b.start));
  }
  return rows;
}

function rowOf(mapping: Mapping, pid: number, library: number, libraries: readonly Library[]): Row {
  const whole = { start: mapping.start, end: mapping.end, mapping };
  if (library >= 0) return { ...whole, kind: MappingKind.library, library, thread: -1, label: libraries[library].name };
  const kind = kindOf(mapping);
  if (kind !== MappingKind.stack) return { ...whole, kind, library: -1, thread: -1, label: labelOf(mapping, kind) };
  // Kernels before 4.5 named every thread's stack.
  const thread = Number(/^\[stack:(\d+)\]$/.exec(mapping.path)?.[1] ?? pid);
  return {
    ...whole,
    kind,
    library: -1,
    thread,
    label: thread === pid ? "stack of the main thread" : `stack of thread ${thread}`,
  };
}

/** The rows as columns. */
export function tableOf(rows: readonly Row[], totals: PageTotals): OsMappings {
  return {
    length: rows.length,
    start: Float64Array.from(rows, (row) => row.start),
    end: Float64Array.from(rows, (row) => row.end),
    kind: Uint8Array.from(rows, (row) => row.kind),
    permissions: rows.map((row) => row.mapping.permissions),
    path: rows.map((row) => row.mapping.path),
    library: Int32Array.from(rows, (row) => row.library),
    thread: Int32Array.from(rows, (row) => row.thread),
    part: rows.map((row, at) => partOf(row, rows[at + 1], totals.anonymousBytes[at])),
    label: rows.map((row) => row.label),
    hugetlb: Uint8Array.from(rows, (row) => Number(isHugetlb(row.mapping))),
    residentBytes: totals.residentBytes,
    swappedBytes: totals.swappedBytes,
    zeroBytes: totals.zeroBytes,
    hugeBytes: totals.hugeBytes,
  };
}

function partOf(row: Row, next: Row | undefined, anonymousBytes: number): LibraryPart {
  if (row.kind !== MappingKind.library) return "";
  const { permissions, offset, path } = row.mapping;
  if (path === "") return "bss";
  if (permissions[2] === "x") return "code";
  if (permissions[1] === "w") return "data";
  if (permissions[0] !== "r") return "gap";
  if (offset === 0) return "header";
  // The loader splits relro off the front of the data segment; its pages were written, so they are no longer the file's.
  const beforeData = next?.library === row.library && next.mapping.permissions[1] === "w" && next.start === row.end;
  return anonymousBytes > 0 || (beforeData && next.mapping.offset === offset + (row.end - row.start))
    ? "relro"
    : "read-only data";
}
