/**
 * Which strings a snapshot may keep: those in the role of a name. They are collected by object, never by value, from
 * types, modules, functions and code; a string that is only somebody's value is not looked at here.
 */
import { hasBit, newBits, setBit } from "../../../base/bits.ts";
import { dictEntries, keyEntries } from "./dict-entries.ts";
import { StrReader } from "./text.ts";
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

/** Strings of objects: text by place, in order of discovery, each object once. */
export interface FoundTexts {
  readonly places: number[];
  readonly texts: string[];
}

export interface CollectedNames {
  /** In the role of a name. */
  readonly names: FoundTexts;
  /** Literals of code. They are names only where they turn out to be a plain dictionary's key as well. */
  readonly constants: FoundTexts;
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
  private readonly names: FoundTexts = { places: [], texts: [] };
  private readonly constants: FoundTexts = { places: [], texts: [] };
  /** Strings, and tuples of them, that were read already, by place: most are shared. */
  private readonly seen: Uint32Array;
  private readonly seenConstants: Uint32Array;
  /** Objects that are the string "__module__": one for each interpreter. */
  private readonly moduleKeys = new Set<number>();
  private readonly strings: StrReader;

  constructor(
    private readonly heap: WholeHeap,
    private readonly forms: readonly TypeFormName[],
  ) {
    this.seen = newBits(heap.mostPlaces);
    this.seenConstants = newBits(heap.mostPlaces);
    this.strings = new StrReader(heap.image, heap.runtime.layout);
  }

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
    this.addKeys(dict);
    if ((this.word(type, "PyTypeObject", "tp_flags") & HEAP_TYPE_FLAG) === 0) return;
    this.addFields(type, "PyHeapTypeObject", ["ht_name", "ht_qualname"]);
    this.addTuple(this.word(type, "PyHeapTypeObject", "ht_slots"));
    const shared = keyEntries(this.heap.image, this.heap.runtime.layout, this.word(type, "PyHeapTypeObject", "ht_cached_keys"));
    for (let entry = 0; entry < Math.min(shared?.length ?? 0, MOST_ENTRIES); entry++) this.addName(shared?.key(entry) ?? 0);
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

  /** Keys of a namespace; the value of `__module__` is a name, too. */
  private addKeys(dict: number): void {
    const { image, runtime } = this.heap;
    if (!image.has(dict)) return;
    const entries = dictEntries(image, runtime.layout, dict);
    for (let entry = 0; entry < Math.min(entries?.length ?? 0, MOST_ENTRIES); entry++) {
      const place = this.addName(entries?.key(entry) ?? 0);
      if (this.moduleKeys.has(place)) this.addName(entries?.value(entry) ?? 0);
    }
  }

  private addTuple(address: number): void {
    const place = this.heap.placeOf(address);
    if (place < 0 || hasBit(this.seen, place)) return;
    setBit(this.seen, place);
    if (this.formAt(place) === "tuple") this.forEachItem(address, (item) => this.addName(item));
  }

  /** Returns the place of the object at an address, which is a name if it is a str. */
  private addName(address: number): number {
    const place = address === 0 ? -1 : this.heap.placeOf(address);
    if (place < 0 || hasBit(this.seen, place)) return place;
    setBit(this.seen, place);
    if (this.formAt(place) !== "str") return place;
    const text = this.strings.read(address, LONGEST_NAME);
    if (text === undefined) return place;
    this.names.places.push(place);
    this.names.texts.push(text);
    if (text === "__module__") this.moduleKeys.add(place);
    return place;
  }

  private addConstants(address: number, nesting: number): void {
    const place = address === 0 ? -1 : this.heap.placeOf(address);
    if (place < 0 || nesting > MOST_NESTING || hasBit(this.seenConstants, place)) return;
    setBit(this.seenConstants, place);
    switch (this.formAt(place)) {
      case "str": {
        const text = this.strings.read(address, LONGEST_CONSTANT);
        if (text === undefined) return;
        this.constants.places.push(place);
        this.constants.texts.push(text);
        return;
      }
      case "tuple":
        this.forEachItem(address, (item) => this.addConstants(item, nesting + 1));
        return;
      case "set":
        this.forEachMember(address, (member) => this.addConstants(member, nesting + 1));
        return;
      default:
    }
  }

  private formAt(place: number): TypeFormName | undefined {
    return this.forms[this.heap.typeOf(place)];
  }

  private forEachItem(tuple: number, visit: (item: number) => void): void {
    const { image, runtime } = this.heap;
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
