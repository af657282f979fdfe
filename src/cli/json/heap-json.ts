import type { MallocArenaFacts, MallocTables, Snapshot } from "../../snapshot/tables.ts";
import { addressJson, envelope, type JsonObject } from "./envelope.ts";

/** The malloc heaps for programs, by allocator (docs/schemas/heap-1.json). */
export function heapJson(snapshot: Snapshot): JsonObject {
  const [main, ...others] = snapshot.malloc;
  const unknown = { allocator: "unknown", arenas: [], mmapped: { count: 0, bytes: 0 } };
  return { ...envelope("heap", snapshot), ...(main ? allocatorJson(main) : unknown), others: others.map(allocatorJson) };
}

function allocatorJson(malloc: MallocTables): JsonObject {
  return {
    allocator: malloc.allocator,
    variant: malloc.variant,
    arenas: malloc.arenas.map(arenaJson),
    mmapped: { ...malloc.mapped },
    settings: malloc.settings && { ...malloc.settings },
  };
}

function arenaJson({ ranges: _, address, ...facts }: MallocArenaFacts): JsonObject {
  return { address: addressJson(address), ...facts };
}
