/** What is read while the whole image is there: roots, names, facts about types, values. */
import type { InternedStrings } from "./interned.ts";
import { type CollectedNames, collectNames } from "./names.ts";
import { type RootPointer, STATIC_TYPE_NAMESPACES } from "./root-pointer.ts";
import { readRoots } from "./roots.ts";
import type { PythonThread } from "./threads.ts";
import { type DecodedTypeGraph, readTypeGraph } from "./type-graph.ts";
import { type DecodedValues, readValues } from "./values.ts";
import type { WholeHeap } from "./whole-heap.ts";

export interface HeapFacts {
  readonly roots: readonly DecodedRoot[];
  readonly types: DecodedTypeGraph;
  readonly names: CollectedNames;
  /**
   * Places of the tables of interned strings: that a string is a key there says nothing about it, and neither key nor value is
   * counted (Objects/unicodeobject.c PyUnicode_InternInPlace).
   */
  readonly interned: ReadonlySet<number>;
  readonly values: DecodedValues | undefined;
}

/** A root whose target is an object. */
export interface DecodedRoot extends RootPointer {
  /** Place of the object. */
  readonly target: number;
}

export interface HeapQuestion {
  readonly threads: readonly PythonThread[];
  readonly interned: readonly InternedStrings[];
  /** Read values too. */
  readonly values: boolean;
}

export function readHeapFacts(heap: WholeHeap, { threads, interned, values }: HeapQuestion): HeapFacts {
  const roots = readRoots(heap.runtime, heap.image, threads, interned)
    .map((root) => ({ ...root, target: heap.placeOf(root.address) }))
    .filter(({ target }) => target >= 0);
  const types = readTypeGraph(heap);
  const namespaces = roots.filter(({ name }) => name === STATIC_TYPE_NAMESPACES).map(({ address }) => address);
  return {
    roots,
    types,
    names: collectNames(heap, types.form, namespaces),
    interned: new Set(interned.map(({ dict }) => heap.placeOf(dict))),
    values: values ? readValues(heap) : undefined,
  };
}
