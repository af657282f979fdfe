import { summarisePymalloc } from "../../analysis/arenas.ts";
import type { Ledger, LedgerNode } from "../../analysis/ledger-tree.ts";
import { typeHistogram } from "../../analysis/types.ts";
import type { InterpreterFacts, MallocArenaFacts, MallocTables, Snapshot } from "../../snapshot/tables.ts";
import { addressJson, envelope, type Json, type JsonObject } from "./envelope.ts";
import { typeRowJson } from "./types-json.ts";

/** The account for programs (docs/schemas/report-1.json). */
export function reportJson(snapshot: Snapshot, ledger: Ledger): JsonObject {
  const { rows } = typeHistogram(snapshot.types, { sort: "resident" });
  return {
    ...envelope("report", snapshot),
    ledger: nodeJson(ledger.root),
    coverage: { ...ledger.coverage },
    types: Array.from(rows, (index) => typeRowJson(snapshot.types, index)),
    pymalloc: snapshot.pymalloc && { ...summarisePymalloc(snapshot.pymalloc) },
    malloc: snapshot.malloc.map(mallocJson),
    gc: collectorsJson(snapshot.interpreters),
    findings: [],
  };
}

function nodeJson(node: LedgerNode): JsonObject {
  return {
    key: node.key,
    label: node.label,
    residentBytes: node.residentBytes,
    children: node.children?.map(nodeJson),
  };
}

const ARENA_SUMS = ["systemBytes", "residentBytes", "inUseBytes", "freeBytes", "fastBytes", "cachedBytes", "topBytes"] as const;

function mallocJson(malloc: MallocTables): JsonObject {
  const sumOf = (key: (typeof ARENA_SUMS)[number]) =>
    malloc.arenas.reduce((sum, arena: MallocArenaFacts) => sum + arena[key], 0);
  return {
    allocator: malloc.allocator,
    variant: malloc.variant,
    arenas: malloc.arenas.length,
    ...Object.fromEntries(ARENA_SUMS.map((key) => [key, sumOf(key)])),
    mmapped: { ...malloc.mapped },
  };
}

/** The main interpreter's collector, with those of the others below it; undefined without a CPython. */
function collectorsJson(interpreters: readonly InterpreterFacts[]): Json | undefined {
  const [main, ...others] = interpreters;
  return main && { ...collectorJson(main), subinterpreters: others.map(collectorJson) };
}

/** One interpreter's collector. */
export function collectorJson(interpreter: InterpreterFacts): JsonObject {
  return {
    id: interpreter.id,
    address: addressJson(interpreter.address),
    enabled: interpreter.enabled,
    collecting: interpreter.collecting,
    generations: interpreter.generations.map((generation) => ({ ...generation })),
    permanentObjects: interpreter.permanentObjects,
    internedStrings: interpreter.internedStrings,
    freeLists: { ...interpreter.freeLists },
  };
}
