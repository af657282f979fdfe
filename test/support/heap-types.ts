import type { Layout } from "../../src/strata/cpython/layouts/layout.ts";
import { TypeFlag } from "../../src/strata/cpython/objects/type-flags.ts";
import type { ClassModel } from "./heap-model.ts";
import { type HeapWriter, Home } from "./heap-writer.ts";

/** Words behind the header of the C type that nobody knows. */
export const NATIVE_WORDS = 6;
/** Any code address will do: those of classes from Python code are alike. */
const SUBTYPE_DEALLOC = 0x7fff_1234_5678;
const C_DEALLOC = 0x7fff_1111_0000;

/** A type object of the heap, and what it says of its instances. */
export interface WrittenType {
  readonly address: number;
  readonly basicBytes: number;
  readonly itemBytes: number;
  readonly collected: boolean;
  /** Bytes before the collector's header: dictionary and weak references that the interpreter manages. */
  readonly preHeaderBytes: number;
  /** The class that Python code made; undefined for a type of C code. */
  readonly model: ClassModel | undefined;
}

export const STATIC_TYPES = [
  "type",
  "object",
  "str",
  "int",
  "float",
  "bytes",
  "tuple",
  "list",
  "dict",
  "set",
  "native",
] as const;
export type StaticType = (typeof STATIC_TYPES)[number];

/** Symbols under which Python's module exports its types. */
export const TYPE_SYMBOLS: Readonly<Record<string, StaticType>> = {
  PyType_Type: "type",
  PyBaseObject_Type: "object",
  PyUnicode_Type: "str",
  PyLong_Type: "int",
  PyFloat_Type: "float",
  PyBytes_Type: "bytes",
  PyTuple_Type: "tuple",
  PyList_Type: "list",
  PyDict_Type: "dict",
  PySet_Type: "set",
};

/** Writes the static types of an interpreter that matter here, and one that an extension module has. */
export function writeStaticTypes(writer: HeapWriter, layout: Layout): Readonly<Record<StaticType, WrittenType>> {
  const digits = layout.has("PyLongObject", "ob_digit") ? "ob_digit" : "long_value.ob_digit";
  const shapes: Readonly<Record<StaticType, readonly [basicBytes: number, itemBytes: number, collected: boolean]>> = {
    type: [layout.size("PyHeapTypeObject"), 40, true],
    object: [16, 0, false],
    str: [layout.size("PyUnicodeObject"), 0, false],
    int: [layout.offset("PyLongObject", digits), 4, false],
    float: [layout.size("PyFloatObject"), 0, false],
    bytes: [layout.offset("PyBytesObject", "ob_sval") + 1, 1, false],
    tuple: [layout.offset("PyTupleObject", "ob_item"), 8, true],
    list: [layout.size("PyListObject"), 0, true],
    dict: [layout.size("PyDictObject"), 0, true],
    set: [layout.size("PySetObject"), 0, true],
    native: [16 + NATIVE_WORDS * 8, 0, false],
  };
  const addresses = STATIC_TYPES.map(() => writer.allocate(Home.fixed, layout.size("PyTypeObject")));
  const written = STATIC_TYPES.map((name, index): [StaticType, WrittenType] => {
    const [basicBytes, itemBytes, collected] = shapes[name];
    const type = { address: addresses[index], basicBytes, itemBytes, collected, preHeaderBytes: 0, model: undefined };
    const flags = TypeFlag.ready | (collected ? TypeFlag.gc : 0) | (name === "type" ? TypeFlag.typeSubclass : 0);
    const base = name === "object" ? 0 : addresses[STATIC_TYPES.indexOf("object")];
    fillType(writer, layout, type, { flags, base, typeType: addresses[0], name: `lib.${name}`, dealloc: C_DEALLOC });
    return [name, type];
  });
  return Object.fromEntries(written) as Record<StaticType, WrittenType>;
}

/** Writes a class statement's type, whose instances have slots; the caller gives it a home behind a collector's header. */
export function writeSlotsClass(
  writer: HeapWriter,
  layout: Layout,
  minor: number,
  address: number,
  model: ClassModel,
  types: Readonly<Record<StaticType, WrittenType>>,
): WrittenType {
  // From 3.12 the list of weak references lies before the object.
  const managed = model.weakReferences && minor >= 12 && model.collected;
  const inside = model.weakReferences && !managed;
  const type: WrittenType = {
    address,
    basicBytes: 16 + model.slots * 8 + (inside ? 8 : 0),
    itemBytes: 0,
    collected: model.collected,
    preHeaderBytes: managed ? 16 : 0,
    model,
  };
  const flags = (model.collected ? TypeFlag.gc : 0) | (managed ? TypeFlag.managedWeakReference : 0);
  fillClass(writer, layout, type, flags, types);
  if (inside) writer.put64(address + layout.offset("PyTypeObject", "tp_weaklistoffset"), 16 + model.slots * 8);
  return type;
}

/** The same for a class whose instances have a dictionary: in the object up to 3.10, before it from 3.11. */
export function writeDictClass(
  writer: HeapWriter,
  layout: Layout,
  minor: number,
  address: number,
  model: ClassModel,
  types: Readonly<Record<StaticType, WrittenType>>,
): WrittenType {
  const managed = minor >= 11;
  const type: WrittenType = {
    address,
    basicBytes: managed ? 16 : 24,
    itemBytes: 0,
    collected: true,
    preHeaderBytes: managed ? 16 : 0,
    model,
  };
  const inline = minor >= 13 ? TypeFlag.inlineValues : 0;
  fillClass(writer, layout, type, TypeFlag.gc | (managed ? TypeFlag.managedDict | inline : 0), types);
  if (!managed) writer.put64(address + layout.offset("PyTypeObject", "tp_dictoffset"), 16);
  return type;
}

function fillClass(
  writer: HeapWriter,
  layout: Layout,
  type: WrittenType,
  flags: number,
  types: Readonly<Record<StaticType, WrittenType>>,
): void {
  fillType(writer, layout, type, {
    flags: TypeFlag.ready | TypeFlag.heapType | flags,
    base: types.object.address,
    typeType: types.type.address,
    name: "Class",
    dealloc: SUBTYPE_DEALLOC,
  });
}

function fillType(
  writer: HeapWriter,
  layout: Layout,
  { address, basicBytes, itemBytes }: WrittenType,
  facts: {
    readonly flags: number;
    readonly base: number;
    readonly typeType: number;
    readonly name: string;
    readonly dealloc: number;
  },
): void {
  const put = (field: string, value: number) => writer.put64(address + layout.offset("PyTypeObject", field), value);
  writer.put64(address, 3);
  writer.put64(address + 8, facts.typeType);
  put("tp_name", writer.cString(facts.name));
  put("tp_basicsize", basicBytes);
  put("tp_itemsize", itemBytes);
  put("tp_dealloc", facts.dealloc);
  put("tp_flags", facts.flags >>> 0);
  put("tp_base", facts.base);
}
