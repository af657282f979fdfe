import fc from "fast-check";
import { type ObjectGraph, openObjectGraph } from "../../src/analysis/object-graph.ts";
import { RootKind } from "../../src/snapshot/graph-tables.ts";
import { heldGraphs } from "./arbitrary-graphs.ts";
import { targetsOf } from "./graph-oracles.ts";
import { type GraphSpec, type ObjectSpec, type RootSpec, withGraph } from "./synthetic-graph.ts";

const TYPES = ["list", "dict", "parley.hub.Hub", "parley.session.Session", "str"] as const;
/** Ways to hold an object from outside. */
const HOLDS = ["root", "native", "immortal", "static"] as const;

/** Small heaps of few types, held in every way that there is, with what they weigh told apart by powers of two. */
export function heaps(mostObjects = 16): fc.Arbitrary<GraphSpec> {
  return heldGraphs(mostObjects).chain(({ graph, held }) =>
    fc
      .record({
        types: fc.array(fc.constantFrom(...TYPES), { minLength: graph.nodes, maxLength: graph.nodes }),
        generations: fc.array(fc.nat(3), { minLength: graph.nodes, maxLength: graph.nodes }),
        buffers: fc.array(fc.array(fc.nat(1000), { maxLength: 2 }), { minLength: graph.nodes, maxLength: graph.nodes }),
        holds: fc.array(fc.constantFrom(...HOLDS), { minLength: held.length, maxLength: held.length }),
      })
      .map(({ types, generations, buffers, holds }): GraphSpec => {
        const holdOf = new Map([...held].map((node, index) => [node, holds[index]]));
        const seen = new Uint32Array(graph.nodes);
        for (let node = 0; node < graph.nodes; node++) for (const target of targetsOf(graph, node)) seen[target]++;
        const objects: Record<string, ObjectSpec> = {};
        for (let node = 0; node < graph.nodes; node++) {
          const hold = holdOf.get(node);
          objects[`o${node}`] = {
            type: types[node],
            generation: generations[node],
            bytes: 2 ** (node % 24) + node,
            buffers: buffers[node],
            refers: targetsOf(graph, node).map((target) => `o${target}`),
            isStatic: hold === "static",
            ...(hold === "native" ? { referenceCount: seen[node] + 1 } : {}),
            ...(hold === "immortal" ? { referenceCount: "immortal" } : {}),
          };
        }
        const roots = [...holdOf].flatMap(([node, hold]): RootSpec[] =>
          hold === "root" ? [{ kind: RootKind.interpreter, to: `o${node}` }] : [],
        );
        return { objects, roots };
      }),
  );
}

/** Opens the references of a spec; throws when they cannot be opened. */
export function openedGraph(spec: GraphSpec): { graph: ObjectGraph } & ReturnType<typeof withGraph> {
  const synthetic = withGraph(spec);
  const opened = openObjectGraph(synthetic.snapshot);
  if (!opened.ok) throw new Error(opened.failure.sentence);
  return { graph: opened.value, ...synthetic };
}
