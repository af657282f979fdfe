import type { WholeHeap } from "./whole-heap.ts";

/** What an instance of a type is, as far as the names of its references go; names are those of `TypeForm` of the snapshot. */
export type TypeFormName =
  | "other"
  | "list"
  | "tuple"
  | "dict"
  | "set"
  | "str"
  | "bytes"
  | "int"
  | "float"
  | "bool"
  | "none"
  | "module"
  | "type"
  | "function"
  | "method"
  | "code"
  | "frame"
  | "generator"
  | "cell"
  | "weakReference"
  | "deque"
  | "instance";

/** Longest chain of bases that is followed; a corrupt one must end. */
const MOST_BASES = 64;

/** By tp_name of types of C code; a class statement's name says nothing. */
const FORM_BY_NAME: ReadonlyMap<string, TypeFormName> = new Map([
  ["list", "list"],
  ["tuple", "tuple"],
  ["dict", "dict"],
  ["set", "set"],
  ["frozenset", "set"],
  ["str", "str"],
  ["bytes", "bytes"],
  ["int", "int"],
  ["bool", "bool"],
  ["float", "float"],
  ["NoneType", "none"],
  ["module", "module"],
  ["type", "type"],
  ["function", "function"],
  ["method", "method"],
  ["code", "code"],
  ["frame", "frame"],
  ["generator", "generator"],
  ["coroutine", "generator"],
  ["async_generator", "generator"],
  ["cell", "cell"],
  ["weakref", "weakReference"],
  ["weakproxy", "weakReference"],
  ["weakcallableproxy", "weakReference"],
  ["weakref.ReferenceType", "weakReference"],
  ["weakref.ProxyType", "weakReference"],
  ["weakref.CallableProxyType", "weakReference"],
  ["collections.deque", "deque"],
]);

/** Form of each row's type, inherited from the nearest base that has one. */
export function readTypeForms(heap: WholeHeap): TypeFormName[] {
  const { image, runtime } = heap;
  const offset = (field: string) => runtime.layout.offset("PyTypeObject", field);
  const object = runtime.symbol("PyBaseObject_Type");
  const own = new Map<number, TypeFormName | undefined>();
  const ownForm = (type: number): TypeFormName | undefined => {
    if (!own.has(type)) own.set(type, FORM_BY_NAME.get(heap.text(image.u64(type + offset("tp_name"))) ?? ""));
    return own.get(type);
  };
  return heap.types.map((address, row) => {
    if (row === 0) return "other";
    // Python classes all the way up to `object` have nothing but attributes.
    let python = true;
    for (let type = address, depth = 0; type !== 0 && image.has(type) && depth < MOST_BASES; depth++) {
      if (type === object) return python && type !== address ? "instance" : "other";
      const isPython = heap.isPythonClass(type);
      const form = isPython ? undefined : ownForm(type);
      if (form !== undefined) return form;
      python &&= isPython;
      type = image.u64(type + offset("tp_base"));
    }
    return "other";
  });
}
