import { heapCauses } from "../../analysis/heap-causes.ts";
import { residentPages } from "../../analysis/ledger.ts";
import { type PinContext, pinContext } from "../../analysis/pin-owners.ts";
import { type HeapPin, heapPins } from "../../analysis/pins.ts";
import { trimOf } from "../../analysis/trim.ts";
import type { PageSet } from "../../base/page-set.ts";
import type { MallocArenaFacts, MallocTables, Snapshot } from "../../snapshot/tables.ts";
import { addressJson, envelope, type JsonObject } from "./envelope.ts";
import { nativeJson } from "./native-json.ts";

/** The malloc heaps for programs, by allocator (docs/schemas/heap-1.json). */
export function heapJson(snapshot: Snapshot): JsonObject {
  const context = pinContext(snapshot);
  const resident = residentPages(snapshot);
  const [main, ...others] = snapshot.malloc.map((malloc) => allocatorJson(malloc, context, resident));
  const unknown = { allocator: "unknown", arenas: [], mmapped: { count: 0, bytes: 0 } };
  return { ...envelope("heap", snapshot), ...(main ?? unknown), others, native: nativeJson(snapshot) };
}

function allocatorJson(malloc: MallocTables, context: PinContext, resident: PageSet): JsonObject {
  const trim = trimOf(context.snapshot, malloc, resident);
  const pins = heapPins(context, malloc, resident);
  const causes = heapCauses(context.snapshot, malloc);
  return {
    allocator: malloc.allocator,
    variant: malloc.variant,
    trim: trim && { releasableBytes: trim.releasableBytes },
    arenas: malloc.arenas.map((arena, index) => ({
      ...arenaJson(arena),
      trimBytes: trim?.byArena[index],
      pins: trim && pins.filter((pin) => pin.arena === index).map(pinJson),
    })),
    mmapped: { ...malloc.mapped },
    sizeClasses: malloc.sizeClasses?.map((size) => ({ ...size })),
    freePages: malloc.freePages?.map((pages) => ({ ...pages })),
    settings: malloc.settings && { ...malloc.settings },
    causes: causes && { ...causes, environment: causes.environment && { ...causes.environment } },
  };
}

function arenaJson({ ranges: _, address, ...facts }: MallocArenaFacts): JsonObject {
  return { address: addressJson(address), ...facts };
}

function pinJson({ start, end, ...pin }: HeapPin): JsonObject {
  return {
    address: addressJson(pin.address),
    bytes: pin.bytes,
    what: pin.what,
    owner: pin.owner,
    recoverableBytes: pin.recoverableBytes,
    onFreeBytes: pin.onFreeBytes,
    heldBytes: pin.heldBytes,
    behind: pin.behind,
    heap: { start: addressJson(start), end: addressJson(end) },
  };
}
