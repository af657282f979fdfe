import { accountNative, type UnownedAnswer } from "../../analysis/native.ts";
import type { Snapshot } from "../../snapshot/tables.ts";
import { addressJson, type JsonObject } from "./envelope.ts";

/** Native memory by owner for programs: `native` of docs/schemas/heap-1.json. */
export function nativeJson(snapshot: Snapshot): JsonObject {
  const { owners, unowned, complete } = accountNative(snapshot);
  return {
    complete,
    owners: owners.map((owner) => ({ ...owner })),
    unowned: unowned.map(({ chunks, bytes, blocks, blockBytes, sizes, samples, ...answer }) => ({
      ...unownedJson(snapshot, answer),
      chunks,
      bytes,
      blocks,
      blockBytes,
      sizes: sizes.map((size) => ({ ...size })),
      samples: samples.map(({ address, ...sample }) => ({ address: addressJson(address), ...sample })),
    })),
  };
}

/** Why memory in use has no owner. */
export function unownedJson({ threads }: Snapshot, { kind, thread, library }: UnownedAnswer): JsonObject {
  return {
    kind: kind === "thread" ? "stack" : kind,
    thread: thread === undefined ? undefined : threads[thread]?.tid,
    library,
  };
}
