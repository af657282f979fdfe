/** What reference counting frees when one object goes. For all objects at once see src/graph/freed-at-once.ts. */
import { hasBit } from "../base/bits.ts";
import { Uint32Column } from "../base/columns.ts";
import type { ObjectGraph } from "./object-graph.ts";

/**
 * Owned bytes that go at once with an object, itself included: it, then again and again what is left without references. What is
 * held from outside never goes; an object that nothing reaches goes alone, as it retains itself alone. O(what goes and its
 * references).
 */
export function freedAtOnce({ graph, heldBits, seenReferences, ownedBytes, dominators }: ObjectGraph, object: number): number {
  if (dominators.immediateDominators[object] < 0) return ownedBytes[object];
  const { offsets, edges } = graph;
  const freed = new Uint32Column();
  freed.push(object);
  let bytes = 0;
  // The counts themselves are counted down, and up again in the end: a copy of them would be as large as the heap has places.
  // An object that roots count is held, so the counts of all others are references from objects.
  for (let head = 0; head < freed.length; head++) {
    const node = freed.get(head);
    bytes += ownedBytes[node];
    for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) {
      const target = edges[edge];
      if (--seenReferences[target] === 0 && target !== object && !hasBit(heldBits, target)) freed.push(target);
    }
  }
  for (let index = 0; index < freed.length; index++) {
    const node = freed.get(index);
    for (let edge = offsets[node]; edge < offsets[node + 1]; edge++) seenReferences[edges[edge]]++;
  }
  return bytes;
}
