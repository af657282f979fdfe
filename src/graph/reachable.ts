/**
 * What can be reached at all: a bit for each node, no order, no way.
 *
 * O(nodes + edges); the result takes one bit a node, the stack 4 bytes for each node that waits.
 */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import type { Graph } from "./graph.ts";

/**
 * A bit for each node that the starts reach, themselves included.
 *
 * @param barred nodes that are not there: no way leads to them or through them, though they be starts.
 */
export function reachableNodes(graph: Graph, starts: Uint32Array, barred: Uint32Array = newBits(graph.nodes)): Uint32Array {
  const { nodes, offsets, edges } = graph;
  const reached = newBits(nodes);
  const stack = new NodeStack();
  for (let index = 0; index < starts.length; index++) {
    const start = starts[index];
    if (hasBit(reached, start) || hasBit(barred, start)) continue;
    setBit(reached, start);
    stack.push(start);
    while (stack.length > 0) {
      const node = stack.pop();
      for (let edge = offsets[node], end = offsets[node + 1]; edge < end; edge++) {
        const target = edges[edge];
        if (hasBit(reached, target) || hasBit(barred, target)) continue;
        setBit(reached, target);
        stack.push(target);
      }
    }
  }
  return reached;
}

class NodeStack {
  length = 0;
  private items = new Uint32Array(1024);

  push(node: number): void {
    if (this.length === this.items.length) {
      const larger = new Uint32Array(this.items.length * 2);
      larger.set(this.items);
      this.items = larger;
    }
    this.items[this.length++] = node;
  }

  pop(): number {
    return this.items[--this.length];
  }
}
