import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";

/** What the object decoder knows at the one moment when all objects are known and the whole image can still be read. */
export interface WholeHeap {
  readonly runtime: PythonRuntime;
  readonly image: MemoryReader;
  /** Reads what the image leaves out and nobody writes: read-only data of libraries. */
  readonly readOnly: MemoryReader;
  /** Address of the type of each row; row 0 is no type. */
  readonly types: readonly number[];
  /** Row of a type object, entered when no instance told of it; 0 when it is none. */
  rowOf(type: number): number;
  /** Made by a class statement, not by C code. */
  isPythonClass(type: number): boolean;
  /** NUL-terminated text, from read-only memory too. */
  text(address: number): string | undefined;
  /** More than any place's number. */
  readonly mostPlaces: number;
  /** Place of the object that begins at an address, −1 when none does. One outside pools and chunks is discovered. */
  placeOf(address: number): number;
  /** Row of the type of the object at a place. */
  typeOf(place: number): number;
  /** Every object whose type's row has a 1 in `wanted`, in order of places. O(places). */
  forEachObject(wanted: Uint8Array, visit: (place: number, address: number, row: number) => void): void;
}
