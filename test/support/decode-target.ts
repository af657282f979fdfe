import assert from "node:assert/strict";
import { ProblemReport } from "../../src/base/problems.ts";
import { decodeAllocators } from "../../src/capture/allocators.ts";
import { type DecodeInput, decodeSnapshot } from "../../src/capture/decode-snapshot.ts";
import type { Snapshot } from "../../src/snapshot/tables.ts";
import { locatePython } from "../../src/strata/cpython/locate/locate.ts";
import { identifyProcess } from "../../src/target/identity.ts";
import { LiveMemory } from "../../src/target/live-memory.ts";
import type { MemoryImage } from "../../src/target/memory-image.ts";
import { readMaps } from "../../src/target/proc/maps.ts";
import { takeLiveImage } from "./live-image.ts";

/** What of `DecodeInput` a test asks for. */
type DecodeRequest = Pick<DecodeInput, "references" | "hashKey">;

/** A process that was copied once and can be decoded any number of times, from any image of it. */
export interface DecodableTarget {
  readonly image: MemoryImage;
  /** Puts tables into the image's linear memory: an image serves once. */
  decode(image: MemoryImage, request?: DecodeRequest): Promise<Snapshot>;
  close(): void;
}

/** Fails the test when there is no CPython in the process. */
export function copyTarget(pid: number): DecodableTarget {
  const identity = identifyProcess(pid);
  const mappings = readMaps(pid);
  assert.ok(identity.ok && mappings.ok);
  const live = LiveMemory.open(pid, mappings.value);
  assert.ok(live.ok);
  const located = locatePython(live.value, mappings.value, () => live.value.forget());
  assert.ok(located.ok, located.ok ? "" : located.failure.sentence);
  const taken = takeLiveImage(pid, { registers: false });
  return {
    image: taken.image,
    decode: (image, request) => {
      const copy = { ...taken, image };
      return decodeSnapshot({
        taken: copy,
        identity: identity.value,
        located: located.value,
        allocators: decodeAllocators(copy, located.value),
        readOnly: live.value,
        problems: new ProblemReport(),
        ...request,
      });
    },
    close: () => live.value.close(),
  };
}
