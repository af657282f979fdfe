import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import { type RootPointer, STATIC_TYPE_NAMESPACES } from "./root-pointer.ts";
import { pointerFields, pointersIn } from "./state-fields.ts";

const POINTER_BYTES = 8;
/** atexit.register() is called some ten times; a corrupt count is not believed. */
const MOST_CALLBACKS = 1 << 16;
/** Identifiers of C code that have a str object, 3.10 and later: some thousand. */
const MOST_IDENTIFIERS = 1 << 20;

/**
 * Fields of `PyInterpreterState` that hold no counted reference: lists of states, objects themselves, caches with borrowed
 * values, functions of C code. Free lists hold dead objects, but behind their count pointers to what lives again.
 */
const NOT_OWNING: ReadonlySet<string> = new Set([
  "next",
  "tstate_head",
  "threads",
  "threads_main",
  "runtime",
  "ceval",
  "_finalizing",
  "gc.generations",
  "gc.generation0",
  "gc.permanent_generation",
  "gc.generation_stats",
  "gc.trash_delete_later",
  "config",
  "pyexitmodule",
  "pyexitfunc",
  "eval_frame",
  "co_extra_freefuncs",
  "func_watchers",
  "type_watchers",
  "code_watchers",
  "func_state",
  "code_state",
  "callable_cache",
  "executor_list_head",
  "builtins_dict_watcher",
  "dict_state",
  "float_state",
  "list",
  "async_gen",
  "context",
  "frame",
  "slice_cache",
  "object_state",
  "mem_free_queue",
  "exc_state.memerrors_freelist",
  "obmalloc",
  "dtoa",
  "xidregistry",
  "xi",
  "qsbr",
  "stoptheworld",
  "static_objects",
  "_initial_thread",
  // Read entry by entry below.
  "type_cache",
  "types",
  "atexit",
  "unicode.ids",
]);

/** Names that people know better than the field's own. */
const KNOWN_NAMES: ReadonlyMap<string, string> = new Map([
  ["modules", "sys.modules"],
  ["imports.modules", "sys.modules"],
  ["sysdict", "sys"],
  ["dict", "interpreter dictionary"],
  ["imports.importlib", "importlib"],
  ["gc.garbage", "gc.garbage"],
  ["gc.callbacks", "gc.callbacks"],
]);

/** Objects that exist once and that the interpreter keeps for good: its data, not a program's. */
const SINGLETONS = /^(small_ints|bytes|unicode|tuple)\b/;

/** What an interpreter's state holds, by field. */
export function interpreterRoots(runtime: PythonRuntime, reader: MemoryReader, interpreter: number): RootPointer[] {
  const { layout } = runtime;
  const state = runtime.interpreters[interpreter].address;
  const roots: RootPointer[] = [];
  const add = (address: number, name: string, kind: RootPointer["kind"] = "interpreter") => {
    if (address !== 0) roots.push({ kind, address, owner: interpreter, frame: -1, name, counted: true });
  };
  for (const { field, pointer } of pointersIn(reader, state, pointerFields(layout, "PyInterpreterState", NOT_OWNING))) {
    add(pointer, nameOf(field.name), SINGLETONS.test(field.name) ? "runtime" : "interpreter");
  }
  for (const address of exitCallbacks(reader, layout, state)) add(address, "atexit");
  const none = runtime.symbol("_Py_NoneStruct");
  // An empty entry has None for a name.
  for (const address of cachedTypeNames(reader, layout, state)) if (address !== none) add(address, "type cache");
  for (const address of identifiers(reader, layout, state)) add(address, "identifiers", "runtime");
  for (const { address, name } of staticTypeState(reader, layout, state)) add(address, name);
  return roots;
}

function nameOf(field: string): string {
  return KNOWN_NAMES.get(field) ?? field.replace(/^(imports|codecs|cached_objects)\./, "").replace(/_/g, " ");
}

/** Functions and arguments of atexit.register(), 3.10 and later; before, the module's own memory holds them (Modules/atexitmodule.c). */
function exitCallbacks(reader: MemoryReader, layout: Layout, state: number): number[] {
  if (!layout.has("PyInterpreterState", "atexit.callbacks")) return [];
  const entry = layout.has("atexit_py_callback") ? "atexit_py_callback" : "atexit_callback";
  const callbacks = reader.u64(state + layout.offset("PyInterpreterState", "atexit.callbacks"));
  const count = reader.u32(state + layout.offset("PyInterpreterState", "atexit.ncallbacks"));
  const found: number[] = [];
  for (let index = 0; index < Math.min(count, MOST_CALLBACKS); index++) {
    const callback = reader.u64(callbacks + index * POINTER_BYTES);
    // A null is a function that was unregistered.
    if (callback === 0) continue;
    for (const field of ["func", "args", "kwargs"]) found.push(reader.u64(callback + layout.offset(entry, field)));
  }
  return found;
}

/** The cache of type attributes counts the names and borrows the values (Objects/typeobject.c, in the state from 3.10). */
function cachedTypeNames(reader: MemoryReader, layout: Layout, state: number): number[] {
  const field = ["type_cache", "types.type_cache"].find((name) => layout.has("PyInterpreterState", name));
  if (field === undefined || !layout.has("type_cache_entry")) return [];
  return entriesOf(layout, state, field, "type_cache_entry").map((entry) =>
    reader.u64(entry + layout.offset("type_cache_entry", "name")),
  );
}

/** Identifiers of C code that got a str object (_PyUnicode_FromId, 3.10 and later). */
function identifiers(reader: MemoryReader, layout: Layout, state: number): number[] {
  if (!layout.has("PyInterpreterState", "unicode.ids.array")) return [];
  const array = reader.u64(state + layout.offset("PyInterpreterState", "unicode.ids.array"));
  const size = reader.u64(state + layout.offset("PyInterpreterState", "unicode.ids.size"));
  if (size > MOST_IDENTIFIERS || !reader.has(array)) return [];
  return Array.from({ length: size }, (_, index) => reader.u64(array + index * POINTER_BYTES));
}

/** From 3.12 an interpreter keeps the namespaces and subclasses of static types; the types themselves say nothing of them. */
function staticTypeState(
  reader: MemoryReader,
  layout: Layout,
  state: number,
): { readonly address: number; readonly name: string }[] {
  const entry = ["managed_static_type_state", "static_builtin_state"].find((name) => layout.has(name));
  if (entry === undefined) return [];
  const arrays = ["types.builtins.initialized", "types.for_extensions.initialized", "types.builtins"];
  const found: { readonly address: number; readonly name: string }[] = [];
  for (const array of arrays) {
    // In 3.12 the array is the field itself, from 3.13 a structure with the array in it.
    if (!layout.has("PyInterpreterState", array) || layout.has("PyInterpreterState", `${array}.initialized`)) continue;
    for (const at of entriesOf(layout, state, array, entry)) {
      found.push({ address: reader.u64(at + layout.offset(entry, "tp_dict")), name: STATIC_TYPE_NAMESPACES });
      found.push({ address: reader.u64(at + layout.offset(entry, "tp_subclasses")), name: "static type subclasses" });
    }
  }
  return found;
}

/** Addresses of the entries of an array in the state. */
function entriesOf(layout: Layout, state: number, field: string, entry: string): number[] {
  const first = state + layout.offset("PyInterpreterState", field);
  const bytes = layout.size(entry);
  const length = Math.floor(layout.fieldSize("PyInterpreterState", field) / bytes);
  return Array.from({ length }, (_, index) => first + index * bytes);
}
