import assert from "node:assert/strict";
import { test } from "node:test";
import { GIB, MIB } from "../../../../../src/base/units.ts";
import { buildReferenceTables } from "../../../../../src/capture/reference-tables.ts";
import type { KernelSet } from "../../../../../src/strata/cpython/kernels/kernel-set.ts";
import * as P from "../../../../../src/strata/cpython/kernels/parameters.ts";
import { layoutVersions, loadLayout } from "../../../../../src/strata/cpython/layouts/layout.ts";
import { type DecodedObjects, decodeObjects } from "../../../../../src/strata/cpython/objects/decode-objects.ts";
import { GraphStreams } from "../../../../../src/strata/cpython/objects/graph-streams.ts";
import { LinearMemory } from "../../../../../src/target/linear-memory.ts";
import { encodeHeap, type WrittenHeap } from "../../../../support/heap-encoder.ts";
import type { HeapModel, ObjectModel, PlacedModel } from "../../../../support/heap-model.ts";
import { Home } from "../../../../support/heap-writer.ts";

const LEAST_WINDOW_WORDS = 2 ** 16;
const MINOR = 12;
const HASH_KEY = Int32Array.of(1, 2, 3, 4);

/** More references than the smallest window holds, of one object and of many; and more str objects. */
function largeHeap(): HeapModel {
  const place = (object: ObjectModel): PlacedModel => ({
    object,
    home: Home.pool,
    references: 1,
    immortal: false,
    list: 2,
  });
  const items = (count: number): number[] => Array.from({ length: count }, (_, index) => index * 7);
  const str: ObjectModel = {
    kind: "str",
    length: 3,
    width: 1,
    form: "ascii",
    utf8Bytes: 0,
    wide: false,
  };
  return {
    classes: [
      {
        slots: 0,
        collected: true,
        weakReferences: false,
        names: [],
        spareBits: 0,
      },
    ],
    objects: [
      place({ kind: "list", items: items(50_000), spare: 3 }),
      ...Array.from({ length: 600 }, (_, index) => place({ kind: "tuple", items: items(index % 80) })),
      ...Array.from({ length: LEAST_WINDOW_WORDS / P.CONTENT_WORDS + 100 }, () => place(str)),
    ],
    ...{ released: [], kept: 0, junk: [], runtimeBytes: [], libraryBytes: [] },
  };
}

interface Decoding {
  readonly decoded: DecodedObjects;
  /** Words of linear memory that the decoding needs without windows. */
  readonly words: number;
}

async function decode(heap: WrittenHeap, memory: LinearMemory): Promise<Decoding> {
  const input = heap.input(memory);
  const decoded = await decodeObjects({
    ...input,
    references: { hashKey: HASH_KEY },
  });
  // Where there is room each window is as large as all streams may become: five quarters of the image and 64 MiB.
  const window = (input.image.slotCount * MIB * 1.25 + 64 * MIB) / 4;
  return { decoded, words: memory.usedWords - 2 * window };
}

for (const webAssembly of [true, false]) {
  test(`windows that are emptied on the way change nothing: ${webAssembly ? "WebAssembly" : "plain"}`, async () => {
    const layout = loadLayout(layoutVersions().find(({ minor }) => minor === MINOR) ?? layoutVersions()[0]);
    const heap = encodeHeap(largeHeap(), MINOR, layout, 0);
    const { decoded: roomy, words } = await decode(heap, LinearMemory.create(4 * GIB, webAssembly));
    // References take six tenths of what is left; contents must have room beside them.
    const room = words + Math.ceil(LEAST_WINDOW_WORDS / 0.4) + 2 ** 10;
    const { decoded: tight } = await decode(heap, LinearMemory.create(room * 4, webAssembly));
    assert.ok(roomy.graph && tight.graph && !tight.graph.partial);
    assert.equal(roomy.graph.references.length, 1);
    assert.ok(tight.graph.references.length > 1, "the window was never full");
    assert.deepEqual(tight.graph.takeContents(), roomy.graph.takeContents());
    assert.deepEqual(tight.graph.nativePointers, roomy.graph.nativePointers);
    const [expected, actual] = [roomy, tight].map((each) =>
      buildReferenceTables(each, each.graph?.references ?? [], new Set()),
    );
    assert.ok(expected.length > 70_000);
    assert.deepEqual(actual, expected);
  });
}

test("streams take as much as they may, count the rest, tell native pointers apart", () => {
  const memory = LinearMemory.create(2 ** 20, false);
  // The smallest windows, and room for twice what one holds.
  const streams = new GraphStreams(memory, LEAST_WINDOW_WORDS * 4 * 2, HASH_KEY);
  let written = 0;
  const kernels = {
    referenceWords: () => written,
    contentWords: () => 0,
  } as KernelSet;
  const write = (...words: number[]): void => {
    memory.int32(streams.references.word + written, words.length).set(words);
    written += words.length;
  };
  const flush = (): void => {
    streams.take(P.STREAM_REFERENCES, written);
    written = 0;
  };
  write(5, 1, 6, 0);
  flush();
  streams.beginNative(kernels);
  write(P.FROM_RUNTIME, 2, 9, 0, 8, 0);
  flush();
  write(P.FROM_LIBRARY - 3, 1, 8, 0);
  streams.endNative(kernels);
  write(7, 1, 4, 2);
  const full = LEAST_WINDOW_WORDS;
  for (let time = 0; time < 2; time++) streams.take(P.STREAM_REFERENCES, full);
  assert.equal(streams.droppedEntries, full / 2, "one window too many");
  streams.take(P.STREAM_CONTENTS, full);
  streams.take(P.STREAM_CONTENTS, full);
  streams.take(P.STREAM_CONTENTS, P.CONTENT_WORDS);
  assert.equal(streams.droppedEntries, full / 2 + 1);
  const graph = streams.finish(kernels);
  assert.equal(graph.partial, true);
  assert.deepEqual([...graph.references[0]], [5, 1, 6, 0]);
  assert.deepEqual([...graph.nativePointers.target], [8, 8, 9]);
  assert.deepEqual([...graph.nativePointers.library], [-1, 3, -1]);
});
