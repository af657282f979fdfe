/** What the graph kernels compute, straight from the definitions: slow, and too simple to be wrong. */
import type { Graph } from "../../src/graph/graph.ts";

export function targetsOf(graph: Graph, node: number): number[] {
  return [...graph.edges.subarray(graph.offsets[node], graph.offsets[node + 1])];
}

/** Every edge as a pair, in ascending order. */
export function pairsOf(graph: Graph): [number, number][] {
  return nodesOf(graph)
    .flatMap((node) => targetsOf(graph, node).map((target): [number, number] => [node, target]))
    .sort(([a, b], [c, d]) => a - c || b - d);
}

export function nodesOf(graph: Graph): number[] {
  return Array.from({ length: graph.nodes }, (_, node) => node);
}

/** The nodes that can be reached from `starts` when node `without` is not there. */
export function reachable(graph: Graph, starts: Iterable<number>, without = -1): Set<number> {
  const reached = new Set<number>();
  const visit = (node: number): void => {
    if (node === without || reached.has(node)) return;
    reached.add(node);
    for (const target of targetsOf(graph, node)) visit(target);
  };
  for (const start of starts) visit(start);
  return reached;
}

/** Length of the shortest way from any start to each node, by relaxing every edge as often as there are nodes. */
export function distances(graph: Graph, starts: Iterable<number>): number[] {
  const far = nodesOf(graph).map(() => Number.POSITIVE_INFINITY);
  for (const start of starts) far[start] = 0;
  const pairs = pairsOf(graph);
  for (const _ of nodesOf(graph)) {
    for (const [from, to] of pairs) far[to] = Math.min(far[to], far[from] + 1);
  }
  return far;
}

/** The nodes that are no longer reached when `node` is not there, itself included; itself only if it never was reached. */
export function retainedBy(graph: Graph, held: Iterable<number>, node: number): Set<number> {
  const all = reachable(graph, held);
  if (!all.has(node)) return new Set([node]);
  const left = reachable(graph, held, node);
  return new Set([...all].filter((other) => !left.has(other)));
}

/** The node among those that retain `node`, other than itself, that retains the fewest; `graph.nodes` if there is none. */
export function immediateDominator(graph: Graph, held: Iterable<number>, node: number): number {
  const all = reachable(graph, held);
  if (!all.has(node)) return -1;
  let nearest = graph.nodes;
  let fewest = Number.POSITIVE_INFINITY;
  for (const other of all) {
    if (other === node) continue;
    const retained = retainedBy(graph, held, other);
    if (!retained.has(node) || retained.size >= fewest) continue;
    nearest = other;
    fewest = retained.size;
  }
  return nearest;
}

/** Remove a node, then again and again every node that is not held and all of whose references come from removed ones. */
export function freedWith(graph: Graph, held: Iterable<number>, node: number): Set<number> {
  const keeps = new Set(held);
  const referrers = nodesOf(graph).map((): number[] => []);
  for (const [from, to] of pairsOf(graph)) referrers[to].push(from);
  const freed = new Set([node]);
  for (let before = 0; before !== freed.size; ) {
    before = freed.size;
    for (const candidate of nodesOf(graph)) {
      if (keeps.has(candidate) || referrers[candidate].length === 0) continue;
      if (referrers[candidate].every((referrer) => freed.has(referrer))) freed.add(candidate);
    }
  }
  return freed;
}

/** The nodes that reach `node` and are reached by it. */
export function componentOf(graph: Graph, node: number): Set<number> {
  return new Set([...reachable(graph, [node])].filter((other) => reachable(graph, [other]).has(node)));
}
