import { PAGE_BYTES, roundUp } from "../../base/units.ts";
import { disjoint, mergeRanges, subtractRanges } from "./address-ranges.ts";
import { ClaimKind } from "./claim-kind.ts";
import type { LoadedObject } from "./loader.ts";
import { MappingKind } from "./mapping-kind.ts";
import type { Claim } from "./os-stratum.ts";
import type { Row } from "./rows.ts";
import type { ThreadStack } from "./stacks.ts";
import type { ThreadBlock } from "./thread-blocks.ts";

/** A mapping that holds a structure of the loader is taken to be all its own up to this size; it asks for a few pages. */
const LOADER_MAPPING_BYTES_MAX = 1024 * 1024;

/** Claims for stacks, control blocks and the loader's own memory. */
export function ownClaims(
  rows: readonly Row[],
  stacks: readonly ThreadStack[],
  blocks: readonly ThreadBlock[],
  objects: readonly LoadedObject[],
): Claim[] {
  // Stacks as rows have them: without their guard pages, the main thread's included.
  const wholeStacks = rows
    .filter((row) => row.kind === MappingKind.stack)
    .map(({ start, end, label }): Claim => ({ start, end, kind: ClaimKind.stack, label }));
  const storages = stacks.map((stack): Claim => {
    return {
      start: stack.storageStart,
      end: stack.end,
      kind: ClaimKind.threadLocal,
      label: stack.label.replace("stack", "thread-local storage"),
    };
  });
  // Only the main thread's stack is the kernel's; its id is stale in a process that another thread forked.
  const mainStorage = blocks
    .filter((block) => block.stack === undefined)
    .map(
      (block): Claim => ({
        start: block.storageStart,
        end: block.end,
        kind: ClaimKind.threadLocal,
        label: "thread-local storage of the main thread",
      }),
    );
  const exact = disjoint([...subtractRanges(wholeStacks, storages), ...storages, ...mainStorage]);
  const structures = [...objects.map((object) => object.linkMap), ...mainStorage.map((claim) => claim.start)];
  const loader = subtractRanges(
    disjoint([...earlyHeap(rows, mainStorage), ...loaderClaims(rows, structures)]),
    mergeRanges(exact),
  );
  return disjoint([...exact, ...loader]);
}

/** A static executable takes its thread-local storage from the heap before malloc does (glibc csu/libc-tls.c). */
function earlyHeap(rows: readonly Row[], mainStorage: readonly Claim[]): Claim[] {
  return rows.flatMap((row): Claim[] => {
    const storage = mainStorage.find(({ start }) => start >= row.start && start < row.end);
    if (row.kind !== MappingKind.heap || storage === undefined) return [];
    return [{ start: row.start, end: roundUp(storage.end, PAGE_BYTES), kind: ClaimKind.loader, label: "start of the program" }];
  });
}

/** Anonymous memory in which structures of the loader lie: whole mappings where small, else the pages from first to last. */
function loaderClaims(rows: readonly Row[], structures: readonly number[]): Claim[] {
  return rows.flatMap((row): Claim[] => {
    if (row.kind !== MappingKind.anonymous) return [];
    const inside = structures.filter((address) => address >= row.start && address < row.end);
    const named = row.mapping.path === "[anon: glibc: loader malloc]";
    if (inside.length === 0 && !named) return [];
    const claim = { kind: ClaimKind.loader, label: "dynamic loader" };
    if (named || row.end - row.start <= LOADER_MAPPING_BYTES_MAX) return [{ ...claim, start: row.start, end: row.end }];
    // Merged with a neighbour: only the part that the structures prove.
    const first = Math.min(...inside);
    const last = Math.max(...inside);
    return [{ ...claim, start: first - (first % PAGE_BYTES), end: roundUp(last + 1, PAGE_BYTES) }];
  });
}
