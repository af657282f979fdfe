import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import type { RootPointer } from "./root-pointer.ts";
import { pointerFields, pointersIn } from "./state-fields.ts";

/** Fields of `_PyRuntime` that hold no counted reference: other structures, objects themselves, borrowed pointers, functions. */
const NOT_OWNING: ReadonlySet<string> = new Set([
  "debug_offsets",
  "interpreters",
  "main_tstate",
  "_main_interpreter",
  "static_objects",
  "global_objects",
  "types",
  "gilstate",
  "ceval",
  "allocators",
  "xi",
  "xidregistry",
  "imports",
  "exitfuncs",
  "atexit",
  // Read through the collector's own location, up to 3.8.
  "gc",
]);

/** The state that all interpreters share (`_PyRuntime`, 3.7 and later): handlers of signals, of faults, warnings, the collector up to 3.8. */
export function runtimeRoots(runtime: PythonRuntime, reader: MemoryReader): RootPointer[] {
  const { layout, runtimeAddress } = runtime;
  if (runtimeAddress === undefined || !layout.has("_PyRuntimeState")) return [];
  const fields = pointerFields(layout, "_PyRuntimeState", NOT_OWNING);
  const roots: RootPointer[] = [];
  for (const { field, pointer } of pointersIn(reader, runtimeAddress, fields)) {
    const name = field.name.replace(/_/g, " ");
    roots.push({ kind: "runtime", address: pointer, owner: -1, frame: -1, name, counted: true });
  }
  for (const name of ["gc.garbage", "gc.callbacks"]) {
    if (!layout.has("_PyRuntimeState", name)) continue;
    const address = reader.u64(runtimeAddress + layout.offset("_PyRuntimeState", name));
    roots.push({ kind: "interpreter", address, owner: runtime.interpreters.length - 1, frame: -1, name, counted: true });
  }
  return roots;
}
