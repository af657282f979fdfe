import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  descriptorGeneration,
  descriptorHeader,
  descriptorState,
  descriptorType,
  packDescriptor,
  SnapshotChunkState,
  SnapshotPageState,
} from "../../../src/snapshot/states.ts";
import { ChunkState } from "../../../src/strata/malloc/allocator.ts";
import { PageState } from "../../../src/target/process-image.ts";

test("the states of a snapshot are those that the strata write", () => {
  assert.deepEqual(SnapshotChunkState, ChunkState);
  assert.deepEqual(SnapshotPageState, PageState);
});

test("a descriptor gives back what was packed", () => {
  fc.assert(
    fc.property(fc.nat(0xff_ffff), fc.nat(7), fc.nat(3), fc.nat(3), (type, state, header, generation) => {
      const descriptor = packDescriptor(type, state, header, generation);
      assert.deepEqual(
        [
          descriptorType(descriptor),
          descriptorState(descriptor),
          descriptorHeader(descriptor),
          descriptorGeneration(descriptor),
        ],
        [type, state, header, generation],
      );
      assert.equal(new Uint32Array([descriptor])[0], descriptor);
    }),
  );
});
