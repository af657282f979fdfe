/**
 * Which strings a snapshot may keep: those in the role of a name. They are collected by object, never by value, from
 * types, modules, functions and code; a string that is only somebody's value is not looked at here.
 */
import { dictEntries, keyEntries } from "./dict-entries.ts";
import { readStr } from "./text.ts";
import type { TypeFormName } from "./type-forms.ts";
import type { WholeHeap } from "./whole-heap.ts";

const POINTER_BYTES = 8;
const LONGEST_NAME = 4096;
/** A literal that is a plain dictionary's key, too, is short. */
const LONGEST_CONSTANT = 256;
/** Entries of a namespace or a tuple of names; a corrupt length ends here. */
const MOST_ENTRIES = 1 << 20;
/** Literals nest in tuples and frozensets. */
const MOST_NESTING = 8;

/** Strings by the place of their object. */
export interface CollectedNames {
  /** In the role of a name: text by place. */
  readonly names: ReadonlyMap<number, string>;
  /** Literals of code. They are names only where they turn out to be a plain dictionary's key as well. */
  readonly constants: ReadonlyMap<number, string>;
}

/**
 * Names of types, with the keys of their namespaces, slots, and the attribute names that instances share; of modules, with their
 * globals; of functions; and what code is called, comes from, names and has as literals (CPython Objects/codeobject.c, 3.6–3.13).
 *
 * @param forms of `readTypeForms`
 * @param namespaces further dictionaries whose keys are names: those of static types where the interpreter keeps them
 */
export function collectNames(heap: WholeHeap, forms: readonly TypeFormName[], namespaces: readonly number[]): CollectedNames {
  return new NameCollector(heap, forms).collect(namespaces);
}

class NameCollector {
  private readonly names = new Map<number, string>();
  private readonly constants = new Map<number, string>();
  /** Strings, and tuples of them, that were read already: most are shared. */
  private readonly seen = new Set<number>();
  private readonly seenConstants = new Set<number>();

  constructor(
    private readonly heap: WholeHeap,
    private readonly forms: readonly TypeFormName[],
  ) {}

  collect(namespaces: readonly number[]): CollectedNames {
    for (const dict of namespaces) this.addKeys(dict);
    for (const type of this.heap.types.slice(1)) this.addType(type);
    const wanted = Uint8Array.from(this.forms, (form) => Number(form === "module" || form === "function" || form === "code"));
    this.heap.forEachObject(wanted, (_place, address, row) => {
      switch (this.forms[row]) {
        case "module":
          this.addKeys(this.word(address, "PyModuleObject", "md_dict"));
          this.addFields(address, "PyModuleObject", ["md_name"]);
          break;
        case "function":
          this.addFields(address, "PyFunctionObject", ["func_name", "func_qualname", "func_module"]);
          break;
        default:
          this.addCode(address);
      }
    });
    return { names: this.names, constants: this.constants };
  }

  private addType(type: number): void {
    const dict = this.word(type, "PyTypeObject", "tp_dict");
    // From 3.12 a static builtin type has a small number here, or nothing.
    if (this.heap.image.has(dict)) {
      this.addKeys(dict);
      this.addModuleOf(dict);
    }
    if ((this.word(type, "PyTypeObject", "tp_flags") & HEAP_TYPE_FLAG) === 0) return;
    this.addFields(type, "PyHeapTypeObject", ["ht_name", "ht_qualname"]);
    this.addTuple(this.word(type, "PyHeapTypeObject", "ht_slots"));
    const shared = keyEntries(this.heap.image, this.heap.runtime.layout, this.word(type, "PyHeapTypeObject", "ht_cached_keys"));
    for (let entry = 0; entry < Math.min(shared?.length ?? 0, MOST_ENTRIES); entry++) this.addName(shared?.key(entry) ?? 0);
  }

  /** The value of `__module__` names the module. */
  private addModuleOf(dict: number): void {
    const { image, runtime } = this.heap;
    const entries = dictEntries(image, runtime.layout, dict);
    for (let entry = 0; entry < Math.min(entries?.length ?? 0, MOST_ENTRIES); entry++) {
      const key = this.heap.placeOf(entries?.key(entry) ?? 0);
      if (key >= 0 && this.names.get(key) === "__module__") this.addName(entries?.value(entry) ?? 0);
    }
  }

  private addCode(code: number): void {
    const { layout } = this.heap.runtime;
    this.addFields(code, "PyCodeObject", ["co_name", "co_qualname", "co_filename"]);
    for (const field of ["co_names", "co_varnames", "co_freevars", "co_cellvars", "co_localsplusnames"]) {
      if (layout.has("PyCodeObject", field)) this.addTuple(this.word(code, "PyCodeObject", field));
    }
    this.addConstants(this.word(code, "PyCodeObject", "co_consts"), 0);
  }

  private addFields(object: number, structure: string, fields: readonly string[]): void {
    for (const field of fields) {
      if (this.heap.runtime.layout.has(structure, field)) this.addName(this.word(object, structure, field));
    }
  }

  private addKeys(dict: number): void {
    const { image, runtime } = this.heap;
    if (!image.has(dict)) return;
    const entries = dictEntries(image, runtime.layout, dict);
    for (let entry = 0; entry < Math.min(entries?.length ?? 0, MOST_ENTRIES); entry++) this.addName(entries?.key(entry) ?? 0);
  }

  private addTuple(tuple: number): void {
    if (tuple === 0 || this.seen.has(tuple)) return;
    this.seen.add(tuple);
    this.forEachItem(tuple, (item) => this.addName(item));
  }

  private addName(address: number): void {
    if (address === 0 || this.seen.has(address)) return;
    this.seen.add(address);
    this.read(address, LONGEST_NAME, this.names);
  }

  private addConstants(address: number, nesting: number): void {
    if (address === 0 || nesting > MOST_NESTING || this.seenConstants.has(address)) return;
    this.seenConstants.add(address);
    switch (this.formAt(address)) {
      case "str":
        this.read(address, LONGEST_CONSTANT, this.constants);
        break;
      case "tuple":
        this.forEachItem(address, (item) => this.addConstants(item, nesting + 1));
        break;
      case "set":
        this.forEachMember(address, (member) => this.addConstants(member, nesting + 1));
        break;
      default:
    }
  }

  private read(address: number, longest: number, into: Map<number, string>): void {
    if (this.formAt(address) !== "str") return;
    const text = readStr(this.heap.image, this.heap.runtime.layout, address, longest);
    if (text !== undefined) into.set(this.heap.placeOf(address), text);
  }

  private formAt(address: number): TypeFormName | undefined {
    const place = this.heap.placeOf(address);
    return place < 0 ? undefined : this.forms[this.heap.typeOf(place)];
  }

  private forEachItem(tuple: number, visit: (item: number) => void): void {
    const { image, runtime } = this.heap;
    if (this.formAt(tuple) !== "tuple") return;
    const length = this.word(tuple, "PyVarObject", "ob_size");
    const first = tuple + runtime.layout.offset("PyTupleObject", "ob_item");
    for (let index = 0; index < Math.min(length, MOST_ENTRIES); index++) visit(image.u64(first + index * POINTER_BYTES));
  }

  private forEachMember(set: number, visit: (member: number) => void): void {
    const { image, runtime } = this.heap;
    const slots = this.word(set, "PySetObject", "mask") + 1;
    const table = this.word(set, "PySetObject", "table");
    const bytes = runtime.layout.size("setentry");
    for (let slot = 0; slot < Math.min(slots, MOST_ENTRIES); slot++) visit(image.u64(table + slot * bytes));
  }

  private word(object: number, structure: string, field: string): number {
    return this.heap.image.u64(object + this.heap.runtime.layout.offset(structure, field));
  }
}

/** Py_TPFLAGS_HEAPTYPE (Include/object.h). */
const HEAP_TYPE_FLAG = 1 << 9;
