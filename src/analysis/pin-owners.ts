/** What holds memory back, in words: an object and the path to it, a library, a thread's cache, the runtime. */
import { descriptorState, descriptorType, SnapshotChunkState } from "../snapshot/states.ts";
import { type MallocTables, ObjectState, OwnerKind, type Snapshot } from "../snapshot/tables.ts";
import { type ObjectGraph, openObjectGraph } from "./object-graph.ts";
import { objectLabel } from "./object-labels.ts";
import { shortestPath } from "./paths.ts";
import { qualifiedTypeName } from "./types.ts";

/** Who a pin is. Hostile text. */
export interface PinIdentity {
  /** Such as "str", "buffer of list, 481 items", "in a thread cache", "native". */
  readonly what: string;
  /** The shortest path to the object, where references are known; else a library or a thread; undefined when nobody is known. */
  readonly owner: string | undefined;
  /** Place of the object, or of the buffer's owner; -1 when no object is behind it. */
  readonly object: number;
}

/** Where pins are looked up. */
export interface PinContext {
  readonly snapshot: Snapshot;
  /** Undefined when the capture holds no references: pins are without paths then. */
  readonly graph: ObjectGraph | undefined;
}

/** Paths are told where the snapshot has references. */
export function pinContext(snapshot: Snapshot): PinContext {
  const graph = snapshot.graph === undefined ? undefined : openObjectGraph(snapshot);
  return { snapshot, graph: graph?.ok ? graph.value : undefined };
}

/** What a place of a pool is; undefined for a free one. */
export function identifyPlace(context: PinContext, place: number): PinIdentity | undefined {
  const { objects, libraries } = context.snapshot;
  if (objects === undefined) return undefined;
  const nobody = { owner: undefined, object: -1 };
  switch (descriptorState(objects.descriptor[place])) {
    case ObjectState.free:
      return undefined;
    case ObjectState.object:
      return identifyObject(context, place, "");
    case ObjectState.buffer:
      return identifyObject(context, objects.link[place], "buffer of ");
    case ObjectState.freeList:
      return { ...nobody, what: "kept in a free list of CPython" };
    case ObjectState.runtime:
      return { ...nobody, what: "Python runtime" };
    case ObjectState.library:
      return { ...nobody, what: "native", owner: fileName(libraries[objects.link[place]]) };
    default:
      return { ...nobody, what: "native" };
  }
}

/** What a chunk of malloc is that is not free for malloc. @param chunk its row */
export function identifyChunk(context: PinContext, malloc: MallocTables, chunk: number): PinIdentity {
  const { chunks, arenas } = malloc;
  const nobody = { owner: undefined, object: -1 };
  if (chunks.state[chunk] === SnapshotChunkState.cached) {
    const threads = arenas[chunks.arena[chunk]]?.threads ?? [];
    return { ...nobody, what: "free, in a thread cache", owner: threads.length === 1 ? `thread ${threads[0]}` : undefined };
  }
  if (chunks.state[chunk] === SnapshotChunkState.overhead) return { ...nobody, what: "lists of a thread cache" };
  switch (chunks.ownerKind[chunk]) {
    case OwnerKind.object:
      return identifyObject(context, chunks.owner[chunk], "");
    case OwnerKind.buffer:
      return identifyObject(context, chunks.owner[chunk], "buffer of ");
    case OwnerKind.runtime:
      return { ...nobody, what: "Python runtime" };
    case OwnerKind.library:
      return { ...nobody, what: "native", owner: fileName(context.snapshot.libraries[chunks.owner[chunk]]) };
    case OwnerKind.pymalloc:
      return { ...nobody, what: "pymalloc arena" };
    default:
      return { ...nobody, what: "native" };
  }
}

function identifyObject({ snapshot, graph }: PinContext, object: number, prefix: string): PinIdentity {
  const isObject = snapshot.objects && descriptorState(snapshot.objects.descriptor[object]) === ObjectState.object;
  if (!snapshot.objects || !isObject) return { what: "native", owner: undefined, object: -1 };
  if (graph) return { what: prefix + objectLabel(graph, object), owner: shortestPath(graph, object).expression, object };
  return {
    what: prefix + qualifiedTypeName(snapshot.types, descriptorType(snapshot.objects.descriptor[object])),
    owner: undefined,
    object,
  };
}

function fileName(path: string | undefined): string | undefined {
  return path?.split("/").at(-1);
}
