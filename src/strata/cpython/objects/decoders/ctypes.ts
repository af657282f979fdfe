/** Types of ctypes keep a description of the C type: in a dictionary of its own up to 3.12, behind the type object from 3.13. */
import type { ObjectContext } from "../object-context.ts";
import { decodeType } from "./code.ts";

/** Bytes of the format string, the shape and the element list that a description points at. */
function descriptionBytes(
  context: ObjectContext,
  structure: "StgDictObject" | "StgInfo",
  address: number,
  place: number,
): number {
  const { image, layout } = context;
  const word = (name: string) => image.u64(address + layout.offset(structure, name));
  const parts: [number, number][] = [];
  const format = word("format");
  if (format !== 0) parts.push([format, (image.cString(format, 1 << 16)?.length ?? 0) + 1]);
  const dimensions = image.u32(address + layout.offset(structure, "ndim"));
  parts.push([word("shape"), dimensions * 8]);
  const elements = word("ffi_type_pointer.elements");
  if (elements !== 0) parts.push([elements, (word("length") + 1) * 8]);
  for (const [buffer, bytes] of parts) if (bytes > 0) context.claim(buffer, bytes, place);
  return parts.reduce((sum, [, bytes]) => sum + bytes, 0);
}

/**
 * StgDict (Modules/_ctypes/stgdict.c PyCStgDict_sizeof), up to 3.12. From 3.7 it has a __sizeof__, which counts its own
 * fields twice.
 */
export function decodeDescriptionDict(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout, kernels } = context;
  const dict = context.basicBytes(row) + kernels.decodeDict(image.wordOf(address), place);
  const described = descriptionBytes(context, "StgDictObject", address, place);
  return context.since(7) ? dict + layout.size("StgDictObject") - layout.size("PyDictObject") + described : dict;
}

/** Metatypes of ctypes (Modules/_ctypes/_ctypes.c CType_Type___sizeof__), from 3.13. */
export function decodeDescribedType(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout } = context;
  if (!layout.has("StgInfo")) return decodeType(context, address, row, place);
  const typeBytes = layout.size("PyHeapTypeObject");
  const keys = image.u64(address + layout.offset("PyHeapTypeObject", "ht_cached_keys"));
  context.decodeSharedKeys(keys, place);
  const described = Math.ceil(typeBytes / 16) * 16;
  return typeBytes + layout.size("StgInfo") + descriptionBytes(context, "StgInfo", address + described, place);
}
