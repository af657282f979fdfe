import { PAGE_BYTES, USER_SPACE_END } from "../../../base/units.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";

const POINTER_BYTES = 8;

/** A field of a state structure that no field inside it describes further. */
export interface StateField {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

/** The innermost fields of a structure that can hold a pointer, without those whose name is one of `left out` or begins with it and a dot. */
export function pointerFields(layout: Layout, structure: string, leftOut: ReadonlySet<string>): StateField[] {
  const names = layout.fields(structure);
  const opened = new Set(names.flatMap((name) => ancestorsOf(name)));
  return names
    .filter((name) => !opened.has(name) && ![name, ...ancestorsOf(name)].some((part) => leftOut.has(part)))
    .map((name) => ({ name, offset: layout.offset(structure, name), bytes: layout.fieldSize(structure, name) }))
    .filter(({ offset, bytes }) => bytes >= POINTER_BYTES && offset % POINTER_BYTES === 0);
}

/** Every pointer in fields of the structure at `address`, with its field; what is no user-space pointer is left out. */
export function* pointersIn(
  reader: MemoryReader,
  address: number,
  fields: readonly StateField[],
): Generator<{ readonly field: StateField; readonly pointer: number }> {
  for (const field of fields) {
    for (let at = 0; at + POINTER_BYTES <= field.bytes; at += POINTER_BYTES) {
      const pointer = reader.u64(address + field.offset + at);
      if (isPointer(pointer)) yield { field, pointer };
    }
  }
}

function isPointer(value: number): boolean {
  return value >= PAGE_BYTES && value < USER_SPACE_END && value % POINTER_BYTES === 0;
}

/** "a" and "a.b" of "a.b.c". */
function ancestorsOf(name: string): string[] {
  const parts = name.split(".");
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("."));
}
