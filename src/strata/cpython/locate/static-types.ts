import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";

/** Offsets that all versions of an ordinary build share (2.7 to 3.15): the layout table is not known yet. */
const OB_TYPE = 8;
const TP_NAME = 24;
const MAX_NAME = 64;

/** Symbols of the interpreter's own types, by `tp_name`. */
const SYMBOL_BY_NAME: ReadonlyMap<string, string> = new Map([
  ["object", "PyBaseObject_Type"],
  ["type", "PyType_Type"],
  ["str", "PyUnicode_Type"],
  ["int", "PyLong_Type"],
  ["bool", "PyBool_Type"],
  ["float", "PyFloat_Type"],
  ["complex", "PyComplex_Type"],
  ["bytes", "PyBytes_Type"],
  ["bytearray", "PyByteArray_Type"],
  ["tuple", "PyTuple_Type"],
  ["list", "PyList_Type"],
  ["dict", "PyDict_Type"],
  ["set", "PySet_Type"],
  ["frozenset", "PyFrozenSet_Type"],
  ["collections.OrderedDict", "PyODict_Type"],
  ["code", "PyCode_Type"],
  ["frame", "PyFrame_Type"],
  ["generator", "PyGen_Type"],
  ["coroutine", "PyCoro_Type"],
  ["async_generator", "PyAsyncGen_Type"],
  ["async_generator_wrapped_value", "_PyAsyncGenWrappedValue_Type"],
  ["async_generator_asend", "_PyAsyncGenASend_Type"],
  ["function", "PyFunction_Type"],
  ["method", "PyMethod_Type"],
  ["builtin_function_or_method", "PyCFunction_Type"],
  ["module", "PyModule_Type"],
  ["cell", "PyCell_Type"],
  ["Context", "PyContext_Type"],
  ["_contextvars.Context", "PyContext_Type"],
  ["memoryview", "PyMemoryView_Type"],
  ["property", "PyProperty_Type"],
  ["weakref", "_PyWeakref_RefType"],
]);

/**
 * Static type objects of a module that exports no symbols, by the names that their symbols would have: each is an object of type
 * `type` in static data, and `tp_name` says which it is.
 */
export function staticTypes(
  reader: MemoryReader,
  windows: readonly MemoryWindow[],
  typeType: number,
): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const window of windows) {
    for (let slot = window.nextPointer(window.start); slot < window.end; slot = window.nextPointer(slot + 8)) {
      if (window.pointer(slot) !== typeType) continue;
      const type = slot - OB_TYPE;
      const name = reader.cString(window.pointer(type + TP_NAME), MAX_NAME);
      const symbol = name === undefined ? undefined : SYMBOL_BY_NAME.get(name);
      if (symbol !== undefined && !found.has(symbol)) found.set(symbol, type);
    }
  }
  return found;
}
