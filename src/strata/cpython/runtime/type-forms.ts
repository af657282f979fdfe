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

/** Tells the form of types; bases, which many share, are looked at once. */
export class TypeFormReader {
  private readonly known = new Map<number, TypeFormName>();
  private readonly objectType: number | undefined;
  private readonly nameOffset: number;
  private readonly baseOffset: number;

  constructor(private readonly heap: WholeHeap) {
    const { layout } = heap.runtime;
    this.objectType = heap.runtime.symbol("PyBaseObject_Type");
    this.nameOffset = layout.offset("PyTypeObject", "tp_name");
    this.baseOffset = layout.offset("PyTypeObject", "tp_base");
  }

  /** Form of a type, inherited from the nearest base that has one. */
  formOf(type: number, depth = 0): TypeFormName {
    if (type === this.objectType || depth === MOST_BASES) return "other";
    const known = this.known.get(type);
    if (known !== undefined) return known;
    const { image } = this.heap;
    const form = image.has(type) ? this.read(type, depth) : "other";
    if (depth > 0) this.known.set(type, form);
    return form;
  }

  private read(type: number, depth: number): TypeFormName {
    const { image } = this.heap;
    const isPython = this.heap.isPythonClass(type);
    const own = isPython ? undefined : FORM_BY_NAME.get(this.heap.text(image.u64(type + this.nameOffset)) ?? "");
    if (own !== undefined) return own;
    const base = image.u64(type + this.baseOffset);
    // Python classes all the way up to `object` have nothing but attributes.
    const inherited = base === this.objectType ? "instance" : this.formOf(base, depth + 1);
    return inherited === "instance" && !isPython ? "other" : inherited;
  }
}
