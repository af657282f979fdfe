import type { CycleRow } from "../../analysis/cycle-rows.ts";
import type { CycleReport } from "../../analysis/cycles.ts";
import type { ObjectSum } from "../../analysis/garbage.ts";
import { bestReferenceName } from "../../analysis/namespace-owner.ts";
import type { ObjectGraph } from "../../analysis/object-graph.ts";
import { UNTRACKED_GENERATION } from "../../snapshot/states.ts";
import type { JsonObject } from "./envelope.ts";
import { graphEnvelope, identityJson, typeJson } from "./object-json.ts";
import { collectorJson } from "./report-json.ts";

/** Garbage and its cycles, for programs (docs/schemas/cycles-1.json). `limit` is of rows of garbage and of cycles in use each. */
export function cyclesJson(graph: ObjectGraph, report: CycleReport, limit: number): JsonObject {
  const garbage = report.cycles.filter(({ reachable }) => !reachable);
  const inUse = report.cycles.filter(({ reachable }) => reachable);
  const beyond = garbage.slice(limit);
  return {
    ...graphEnvelope("cycles", graph),
    garbage: sumJson(report.garbage),
    collectable: sumJson(report.collectable),
    goesAlong: sumJson(report.goesAlong),
    beyondCollector: sumJson(report.beyondCollector),
    mayResurrect: sumJson(report.mayResurrect),
    cycles: [...garbage.slice(0, limit), ...inUse.slice(0, limit)].map((row) => cycleJson(graph, row)),
    other: {
      rows: beyond.length,
      count: beyond.reduce((sum, { count }) => sum + count, 0),
      bytes: beyond.reduce((sum, { bytes }) => sum + bytes, 0),
    },
    gcGarbage: report.gcGarbage.map((object) => identityJson(graph, object)),
    generations: report.generations.map(({ generation, count, bytes }) => ({
      generation: generation === UNTRACKED_GENERATION ? "untracked" : generation,
      count,
      bytes,
    })),
    collectors: report.interpreters.map(collectorJson),
  };
}

function sumJson({ count, bytes }: ObjectSum): JsonObject {
  return { count, bytes };
}

function cycleJson(graph: ObjectGraph, row: CycleRow): JsonObject {
  const { groups, count, bytes, reachable, ring, ringLength, finalizers } = row;
  return {
    groups,
    count,
    bytes,
    types: row.types.map((sum) => ({ ...typeJson(graph, sum.type), count: sum.count, bytes: sum.bytes })),
    reachable,
    ring: ring.map((object, index) => ({
      ...identityJson(graph, object),
      reference:
        index + 1 < ring.length || ring.length === ringLength
          ? bestReferenceName(graph, object, ring[(index + 1) % ring.length]).text
          : "",
    })),
    ringLength,
    finalizers,
  };
}
