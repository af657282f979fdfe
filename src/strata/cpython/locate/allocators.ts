import type { Mapping } from "../../../target/mapping.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";
import { findArenaMap, findArenasPointer, findUsedPools, readUsedPools } from "../../pymalloc/locate.ts";
import type { ArenaMapShape, PymallocLocation, PymallocState } from "../../pymalloc/location.ts";
import { ARENA_MAP_POINTER_BYTES, ArenaObject, PoolHeader } from "../../pymalloc/structures.ts";
import type { Layout } from "../layouts/layout.ts";
import type { PythonModule } from "./python-runtime.ts";

/** Bytes that debug hooks put before a block: its size, one letter for the interface, and seven guard bytes (Objects/obmalloc.c). */
const DEBUG_HEADER_BYTES = 16;
const DEBUG_LETTERS = "rmo";
/** FORBIDDENBYTE: 0xFD from 3.8, 0xFB before. */
const GUARD_BYTES: readonly number[] = [0xfd, 0xfb];

/** pymalloc of all interpreters; from 3.12 each isolated interpreter has its own, and others share the main one's. */
export function locatePymalloc(
  reader: MemoryReader,
  layout: Layout,
  module: PythonModule,
  windows: readonly MemoryWindow[],
  mappings: readonly Mapping[],
  interpreters: readonly number[],
): PymallocLocation {
  if (layout.has("_obmalloc_state")) return perInterpreter(reader, layout, module, interpreters);
  const state = sharedState(reader, layout, module, windows, mappings, interpreters.length - 1);
  return state ?? { alignment: DEBUG_HEADER_BYTES, states: [] };
}

/**
 * Bytes before every block: seen at the interpreter's `sys` dictionary, an object with a collector's header, which every
 * allocator that has the hooks has given its letter and guard bytes.
 */
export function detectDebugBytes(reader: MemoryReader, layout: Layout, interpreter: number): 0 | 16 {
  const dict = reader.u64(interpreter + layout.offset("PyInterpreterState", "sysdict"));
  const header = reader.bytes(dict - layout.size("PyGC_Head") - DEBUG_HEADER_BYTES, DEBUG_HEADER_BYTES);
  if (header === undefined) return 0;
  const hasLetter = DEBUG_LETTERS.includes(String.fromCharCode(header[8]));
  const guarded = GUARD_BYTES.includes(header[9]) && header.subarray(9).every((byte) => byte === header[9]);
  return hasLetter && guarded ? DEBUG_HEADER_BYTES : 0;
}

/** 3.12 keeps the state inside each interpreter, 3.13 behind a pointer that several may share (Python/obmalloc.c). */
function perInterpreter(
  reader: MemoryReader,
  layout: Layout,
  module: PythonModule,
  interpreters: readonly number[],
): PymallocLocation {
  const offset = layout.offset("PyInterpreterState", "obmalloc");
  const inline = layout.fieldSize("PyInterpreterState", "obmalloc") === layout.size("_obmalloc_state");
  const states = new Map<number, PymallocState>();
  const shape = arenaMapShape(layout);
  let alignment: number = DEBUG_HEADER_BYTES;
  // The main interpreter is the last of the list: a state that others share is its.
  for (let interpreter = interpreters.length - 1; interpreter >= 0; interpreter--) {
    const address = inline ? interpreters[interpreter] + offset : reader.u64(interpreters[interpreter] + offset);
    const pools = readUsedPools(reader, address + layout.offset("_obmalloc_state", "pools.used"));
    if (pools === undefined || states.has(address)) continue;
    alignment = pools.alignment;
    const isStatic = address >= module.start && address < module.end;
    states.set(address, {
      interpreter,
      usedPoolsAddress: pools.address,
      arenasPointerAddress: address + layout.offset("_obmalloc_state", "mgmt.arenas"),
      maxArenasAddress: address + layout.offset("_obmalloc_state", "mgmt.maxarenas"),
      arenaMap: shape && { ...shape, address: address + layout.offset("_obmalloc_state", "usage.arena_map_root") },
      stateRange: isStatic || inline ? undefined : { start: address, end: address + layout.size("_obmalloc_state") },
    });
  }
  return { alignment, states: [...states.values()] };
}

/** Up to 3.11 one state serves all, in static variables without symbols. */
function sharedState(
  reader: MemoryReader,
  layout: Layout,
  module: PythonModule,
  windows: readonly MemoryWindow[],
  mappings: readonly Mapping[],
  mainInterpreter: number,
): PymallocLocation | undefined {
  const pools = findUsedPools(reader, windows);
  if (pools === undefined) return undefined;
  const mayPointTo = heapFilter(module, mappings);
  const arenasPointerAddress = findArenasPointer(reader, windows, pools, mayPointTo);
  const shape = arenaMapShape(layout);
  const arenas =
    arenasPointerAddress === undefined ? [] : pools.samples.map((pool) => arenaOf(reader, arenasPointerAddress, pool));
  const arenaMap =
    shape === undefined || arenas.length === 0 ? undefined : findArenaMap(reader, windows, shape, arenas, mayPointTo);
  const state: PymallocState = {
    interpreter: mainInterpreter,
    usedPoolsAddress: pools.address,
    arenasPointerAddress,
    maxArenasAddress: undefined,
    arenaMap,
    stateRange: undefined,
  };
  return { alignment: pools.alignment, states: [state] };
}

/** Shape of the arena map; undefined before 3.10, which has none. */
function arenaMapShape(layout: Layout): ArenaMapShape | undefined {
  if (!layout.has("arena_map_mid")) return undefined;
  const entryBits = (structure: string) => Math.log2(layout.size(structure) / ARENA_MAP_POINTER_BYTES);
  return { topBits: entryBits("arena_map_top"), middleBits: entryBits("arena_map_mid"), leafBits: entryBits("arena_map_bot") };
}

/** Address of the arena that holds a pool. */
function arenaOf(reader: MemoryReader, arenasPointerAddress: number, pool: number): number {
  return reader.u64(
    reader.u64(arenasPointerAddress) + reader.u32(pool + PoolHeader.arenaIndex) * ArenaObject.bytes + ArenaObject.address,
  );
}

/** True for addresses of private writable memory outside the module: what malloc or mmap can have returned. */
function heapFilter(module: PythonModule, mappings: readonly Mapping[]): (address: number) => boolean {
  const heaps = mappings.filter(
    (mapping) => mapping.permissions.startsWith("rw") && mapping.permissions.endsWith("p") && mapping.start !== module.base,
  );
  const starts = Float64Array.from(heaps, (mapping) => mapping.start);
  return (address) => {
    if (address >= module.start && address < module.end) return false;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle] <= address) low = middle + 1;
      else high = middle;
    }
    return low > 0 && address < heaps[low - 1].end;
  };
}
