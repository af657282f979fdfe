import fc from "fast-check";
import { type Graph, graphFromEdges } from "../../src/graph/graph.ts";

export interface HeldGraph {
  readonly graph: Graph;
  /** Nodes that are held from outside. */
  readonly held: Uint32Array;
}

/** Small graphs with held nodes: sparse and dense random ones, layered ones without cycles, rings with chords. */
export function heldGraphs(mostNodes = 24): fc.Arbitrary<HeldGraph> {
  const graphs = fc.integer({ min: 1, max: mostNodes }).chain((nodes) =>
    fc.record({
      graph: fc.oneof(sparse(nodes), dense(nodes), layered(nodes), rings(nodes)),
      held: fc.array(fc.nat(nodes - 1), { maxLength: 5 }).map((held) => Uint32Array.from(held)),
    }),
  );
  // No bias for small values and no default size of arrays: they would leave most graphs with hardly a node that is reached.
  return fc.noBias(graphs);
}

export function graphOf(nodes: number, edges: readonly (readonly [number, number])[]): Graph {
  const sources = Uint32Array.from(edges, ([source]) => source);
  const targets = Uint32Array.from(edges, ([, target]) => target);
  return graphFromEdges(nodes, sources, targets);
}

function edgesOf(nodes: number, most: number): fc.Arbitrary<[number, number][]> {
  return fc.array(fc.tuple(fc.nat(nodes - 1), fc.nat(nodes - 1)), { maxLength: most, size: "max" });
}

function sparse(nodes: number): fc.Arbitrary<Graph> {
  return edgesOf(nodes, nodes + 2).map((edges) => graphOf(nodes, edges));
}

function dense(nodes: number): fc.Arbitrary<Graph> {
  return edgesOf(nodes, nodes * 4).map((edges) => graphOf(nodes, edges));
}

/** Edges lead forwards and not far: what modules, instances and their dictionaries look like. */
function layered(nodes: number): fc.Arbitrary<Graph> {
  const steps = fc.array(fc.tuple(fc.nat(nodes - 1), fc.integer({ min: 1, max: 4 })), { maxLength: nodes * 3, size: "max" });
  return steps.map((pairs) =>
    graphOf(
      nodes,
      pairs.map(([from, step]) => [from, from + step] as const).filter(([, to]) => to < nodes),
    ),
  );
}

/** Every node refers to the next of its ring; chords join the rings. */
function rings(nodes: number): fc.Arbitrary<Graph> {
  return fc.tuple(fc.integer({ min: 1, max: 6 }), edgesOf(nodes, nodes)).map(([size, chords]) => {
    const ring = Array.from({ length: nodes }, (_, node) => {
      const first = node - (node % size);
      return [node, Math.min(nodes - 1, first + ((node - first + 1) % size))] as const;
    });
    return graphOf(nodes, [...ring, ...chords]);
  });
}
