import type { MemoryReader } from "../../../target/memory-reader.ts";
import { dataWindows } from "../locate/module.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";

/** NSMALLNEGINTS + NSMALLPOSINTS: −5 … 256 (3.6 to 3.14). */
export const SMALL_INTS = 262;
const SMALLEST = -5;

/**
 * Addresses of the int objects −5 … 256, which exist once: static objects up to 3.8 and from 3.11, in pools in 3.9 and 3.10.
 * Empty when they were not found (up to 3.8 without exported symbols).
 */
export function smallInts(runtime: PythonRuntime, reader: MemoryReader): readonly number[] {
  const { layout, runtimeAddress, interpreters } = runtime;
  const stride = layout.size("PyLongObject");
  const main = interpreters[interpreters.length - 1].address;
  if (layout.has("PyInterpreterState", "small_ints")) {
    const table = main + layout.offset("PyInterpreterState", "small_ints");
    return Array.from({ length: SMALL_INTS }, (_, index) => reader.u64(table + index * 8));
  }
  for (const singletons of ["static_objects", "global_objects"]) {
    const field = `${singletons}.singletons.small_ints`;
    if (runtimeAddress !== undefined && layout.has("_PyRuntimeState", field)) {
      return consecutive(runtimeAddress + layout.offset("_PyRuntimeState", field), stride);
    }
  }
  const first = findStaticSmallInts(runtime, reader, stride);
  return first === undefined ? [] : consecutive(first, stride);
}

/** Up to 3.8: an array of int objects in static data, which begins with −5 and −4. */
function findStaticSmallInts(runtime: PythonRuntime, reader: MemoryReader, stride: number): number | undefined {
  const { layout } = runtime;
  const longType = runtime.symbol("PyLong_Type");
  if (longType === undefined) return undefined;
  const obType = layout.offset("PyObject", "ob_type");
  const isInt = (address: number, value: number): boolean =>
    reader.u64(address + obType) === longType &&
    reader.i64(address + layout.offset("PyVarObject", "ob_size")) === Math.sign(value) &&
    reader.u32(address + layout.offset("PyLongObject", "ob_digit")) === Math.abs(value);
  for (const window of dataWindows(reader, runtime.module)) {
    for (let address = window.start; address < window.end; address += 8) {
      if (window.pointer(address + obType) !== longType) continue;
      if (isInt(address, SMALLEST) && isInt(address + stride, SMALLEST + 1)) return address;
    }
  }
  return undefined;
}

function consecutive(first: number, stride: number): readonly number[] {
  return Array.from({ length: SMALL_INTS }, (_, index) => first + index * stride);
}
