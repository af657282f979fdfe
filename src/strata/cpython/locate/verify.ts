import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";

/** Exported types whose `tp_basicsize` is the size of a structure in every version. */
const SIZED_TYPES: readonly (readonly [symbol: string, structure: string])[] = [
  ["PyType_Type", "PyHeapTypeObject"],
  ["PyDict_Type", "PyDictObject"],
  ["PyList_Type", "PyListObject"],
  ["PySet_Type", "PySetObject"],
  ["PyFunction_Type", "PyFunctionObject"],
  ["PyMethod_Type", "PyMethodObject"],
  ["PyModule_Type", "PyModuleObject"],
  ["PyUnicode_Type", "PyUnicodeObject"],
  ["PyByteArray_Type", "PyByteArrayObject"],
  ["PyODict_Type", "PyODictObject"],
  ["PyCFunction_Type", "PyCFunctionObject"],
];

/** `_Py_DebugOffsets` of 3.13: what the process itself says about its structures (Include/internal/pycore_debug_offsets.h). */
const DEBUG_OFFSETS_COOKIE = "xdebugpy";
const DEBUG_OFFSETS: readonly (readonly [said: string, structure: string, field: string])[] = [
  ["runtime_state.interpreters_head", "_PyRuntimeState", "interpreters.head"],
  ["interpreter_state.id", "PyInterpreterState", "id"],
  ["interpreter_state.next", "PyInterpreterState", "next"],
  ["interpreter_state.threads_head", "PyInterpreterState", "threads.head"],
  ["interpreter_state.gc", "PyInterpreterState", "gc"],
  ["interpreter_state.sysdict", "PyInterpreterState", "sysdict"],
  ["thread_state.next", "PyThreadState", "next"],
  ["thread_state.interp", "PyThreadState", "interp"],
  ["thread_state.current_frame", "PyThreadState", "current_frame"],
  ["thread_state.native_thread_id", "PyThreadState", "native_thread_id"],
  ["interpreter_frame.previous", "_PyInterpreterFrame", "previous"],
  ["interpreter_frame.executable", "_PyInterpreterFrame", "f_executable"],
  ["interpreter_frame.instr_ptr", "_PyInterpreterFrame", "instr_ptr"],
  ["gc.collecting", "_gc_runtime_state", "collecting"],
];

/**
 * Whether a table describes this process: the sizes that types state about their instances, and what the runtime states about
 * itself where it does (3.13), must be the table's.
 *
 * @returns undefined when everything agrees, else what does not
 */
export function layoutContradiction(
  reader: MemoryReader,
  layout: Layout,
  typeType: number,
  runtimeAddress: number | undefined,
  symbol: (name: string) => number | undefined,
): string | undefined {
  for (const [name, structure] of SIZED_TYPES) {
    const type = name === "PyType_Type" ? typeType : symbol(name);
    if (type === undefined) continue;
    const said = reader.u64(type + layout.offset("PyTypeObject", "tp_basicsize"));
    if (said !== layout.size(structure))
      return `${name} says that its instances have ${said} bytes, the table says ${layout.size(structure)}`;
  }
  return runtimeAddress === undefined ? undefined : debugOffsetsContradiction(reader, layout, runtimeAddress);
}

/** True for a build without the global interpreter lock (3.13 and later say so in their debug offsets). */
export function isFreeThreaded(reader: MemoryReader, runtimeAddress: number): boolean {
  return hasDebugOffsets(reader, runtimeAddress) && reader.u64(runtimeAddress + DEBUG_OFFSETS_COOKIE.length + 8) === 1;
}

function debugOffsetsContradiction(reader: MemoryReader, layout: Layout, runtimeAddress: number): string | undefined {
  if (!layout.has("_Py_DebugOffsets") || !hasDebugOffsets(reader, runtimeAddress)) return undefined;
  for (const [field, structure, member] of DEBUG_OFFSETS) {
    const said = reader.u64(runtimeAddress + layout.offset("_Py_DebugOffsets", field));
    if (said !== layout.offset(structure, member))
      return `the runtime says that ${structure}.${member} is at ${said}, the table says ${layout.offset(structure, member)}`;
  }
  return undefined;
}

function hasDebugOffsets(reader: MemoryReader, runtimeAddress: number): boolean {
  const cookie = reader.bytes(runtimeAddress, DEBUG_OFFSETS_COOKIE.length);
  return cookie !== undefined && Buffer.from(cookie).toString("latin1") === DEBUG_OFFSETS_COOKIE;
}
