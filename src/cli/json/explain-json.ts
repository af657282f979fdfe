import type { BlockAnswer, ChunkAnswer, Explanation, MappingAnswer, PageAnswer } from "../../analysis/explain.ts";
import type { ObjectFacts } from "../../analysis/places.ts";
import { UNTRACKED_GENERATION } from "../../snapshot/states.ts";
import type { Snapshot } from "../../snapshot/tables.ts";
import { addressJson, envelope, type JsonObject } from "./envelope.ts";
import { unownedJson } from "./native-json.ts";

/** Every stratum's answer for an address, for programs (docs/schemas/explain-1.json). */
export function explainJson(snapshot: Snapshot, explanation: Explanation): JsonObject {
  const { address, mapping, page, malloc, pymalloc, object, owner, unowned } = explanation;
  return {
    ...envelope("explain", snapshot),
    address: addressJson(address),
    mapping: mappingJson(mapping),
    page: pageJson(page),
    malloc: malloc && chunkJson(malloc),
    pymalloc: pymalloc && blockJson(pymalloc),
    object: object && { ...objectJson(snapshot, object), offset: address - object.address },
    owner: owner && objectJson(snapshot, owner),
    unowned: unowned && unownedJson(snapshot, unowned),
  };
}

function mappingJson(mapping: MappingAnswer): JsonObject {
  return { ...mapping, start: addressJson(mapping.start), end: addressJson(mapping.end) };
}

function pageJson(page: PageAnswer): JsonObject {
  return { ...page, address: addressJson(page.address), resident: page.state === "resident" };
}

function chunkJson({ arena, chunk, usedBytes, ...facts }: ChunkAnswer): JsonObject {
  return {
    ...facts,
    arena: addressJson(arena),
    chunk: addressJson(chunk),
    usedBytes: facts.serves === undefined ? undefined : usedBytes,
  };
}

function blockJson({ arena, pool, block, inPool, ...facts }: BlockAnswer): JsonObject {
  return { ...facts, ...inPool, arena: addressJson(arena), pool: addressJson(pool), block: addressJson(block) };
}

function objectJson({ types }: Snapshot, object: ObjectFacts): JsonObject {
  return {
    address: addressJson(object.address),
    type: types.name[object.type] ?? "",
    module: types.module[object.type] ?? "",
    shallowBytes: object.shallowBytes,
    referenceCount: object.referenceCount,
    immortal: object.referenceCount === undefined,
    generation: object.generation === UNTRACKED_GENERATION ? "untracked" : object.generation,
  };
}
