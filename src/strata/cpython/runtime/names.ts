/**
 * Which strings a snapshot may keep: those in the role of a name. They are collected by object, never by value, from
 * types, modules, functions and code; a string that is only somebody's value is not looked at here.
 */
import { hasBit, newBits, setBit } from "../../../base/bits.ts";
import { Uint32Column } from "../../../base/columns.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { Layout } from "../layouts/layout.ts";
import { EntryReader } from "./dict-entries.ts";
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
/** Py_TPFLAGS_HEAPTYPE (Include/object.h). */
const HEAP_TYPE_FLAG = 1 << 9;

const MODULE_NAMES = ["md_name"];
const FUNCTION_NAMES = ["func_name", "func_qualname", "func_module"];
const TYPE_NAMES = ["ht_name", "ht_qualname"];
const CODE_NAMES = ["co_name", "co_qualname", "co_filename"];
/** Up to 3.10 a tuple for each kind of variable, then one for all. */
const CODE_TUPLES = ["co_names", "co_varnames", "co_freevars", "co_cellvars", "co_localsplusnames"];

/** Strings of objects: text by place, in order of discovery, each object once. */
export interface FoundTexts {
  readonly places: Uint32Array;
  readonly texts: readonly string[];
}

export interface CollectedNames {
  /** In the role of a name. */
  readonly names: FoundTexts;
  /** Literals of code. They are names only where they turn out to be a plain dictionary's key as well. */
  readonly constants: FoundTexts;
  /** Every code object by ascending place, and the line where it begins (co_firstlineno). */
  readonly codes: { readonly places: Uint32Array; readonly firstLines: Uint32Array };
}

/**
 * Names of types, with the keys of their namespaces, slots, and the attribute names that instances share; of modules, with their
 * globals; of functions; and what code is called, comes from, names and has as literals (CPython Objects/codeobject.c, 3.6–3.13).
 *
 * @param forms of the types, row by row
 * @param namespaces further dictionaries whose keys are names: those of static types where the interpreter keeps them
 */
export function collectNames(heap: WholeHeap, forms: readonly TypeFormName[], namespaces: readonly number[]): CollectedNames {
  return new NameCollector(heap, forms).collect(namespaces);
}

class NameCollector {
  private readonly names = new TextColumns();
  private readonly constants = new TextColumns();
  private readonly codes = { places: new Uint32Column(), firstLines: new Uint32Column() };
  /** Strings, and tuples of them, that were read already, by place: most are shared. */
  private readonly seen: Uint32Array;
  private readonly seenConstants: Uint32Array;
  /** Objects that are the string "__module__": one for each interpreter. */
  private readonly moduleKeys = new Set<number>();
  private readonly image: MemoryReader;
  private readonly strings: StrReader;
  private readonly entries: EntryReader;
  private readonly at: Offsets;

  constructor(
    private readonly heap: WholeHeap,
    private readonly forms: readonly TypeFormName[],
  ) {
    const { layout } = heap.runtime;
    this.image = heap.image;
    this.seen = newBits(heap.mostPlaces);
    this.seenConstants = newBits(heap.mostPlaces);
    this.strings = new StrReader(heap.image, layout);
    this.entries = new EntryReader(heap.image, layout);
    this.at = offsetsOf(layout);
  }

  collect(namespaces: readonly number[]): CollectedNames {
    for (const dict of namespaces) this.addKeys(dict);
    for (const type of this.heap.types.slice(1)) this.addType(type);
    const wanted = Uint8Array.from(this.forms, (form) => Number(form === "module" || form === "function" || form === "code"));
    this.heap.forEachObject(wanted, (place, address, row) => {
      switch (this.forms[row]) {
        case "module":
          this.addKeys(this.image.u64(address + this.at.moduleDict));
          this.addFields(address, this.at.moduleNames);
          break;
        case "function":
          this.addFields(address, this.at.functionNames);
          break;
        default:
          this.codes.places.push(place);
          this.codes.firstLines.push(Math.max(0, this.image.i32(address + this.at.firstLine)));
          this.addCode(address);
      }
    });
    const codes = { places: this.codes.places.view(), firstLines: this.codes.firstLines.view() };
    return { names: this.names.found(), constants: this.constants.found(), codes };
  }

  private addType(type: number): void {
    const { image, at, entries } = this;
    // From 3.12 a static builtin type has a small number here, or nothing.
    this.addKeys(image.u64(type + at.typeDict));
    if ((image.i32(type + at.typeFlags) & HEAP_TYPE_FLAG) === 0) return;
    this.addFields(type, at.typeNames);
    this.addTuple(image.u64(type + at.slots));
    const isShared = entries.open(image.u64(type + at.sharedKeys));
    const length = isShared ? Math.min(entries.length, MOST_ENTRIES) : 0;
    for (let entry = 0; entry < length; entry++) this.addName(entries.key(entry));
  }

  private addCode(code: number): void {
    this.addFields(code, this.at.codeNames);
    for (const offset of this.at.codeTuples) this.addTuple(this.image.u64(code + offset));
    this.addConstants(this.image.u64(code + this.at.constants), 0);
  }

  private addFields(object: number, offsets: readonly number[]): void {
    for (const offset of offsets) this.addName(this.image.u64(object + offset));
  }

  /** Keys of a namespace; the value of `__module__` is a name, too. */
  private addKeys(dict: number): void {
    const { entries } = this;
    if (!this.image.has(dict) || !entries.open(entries.keysOf(dict))) return;
    const length = Math.min(entries.length, MOST_ENTRIES);
    for (let entry = 0; entry < length; entry++) {
      if (this.moduleKeys.has(this.addName(entries.key(entry)))) this.addName(entries.value(entry));
    }
  }

  private addTuple(address: number): void {
    const place = this.heap.placeOf(address);
    if (place < 0 || hasBit(this.seen, place)) return;
    setBit(this.seen, place);
    if (this.formAt(place) !== "tuple") return;
    const length = this.lengthOf(address);
    for (let index = 0; index < length; index++) this.addName(this.item(address, index));
  }

  /** Returns the place of the object at an address, which is a name if it is a str. */
  private addName(address: number): number {
    const place = address === 0 ? -1 : this.heap.placeOf(address);
    if (place < 0 || hasBit(this.seen, place)) return place;
    setBit(this.seen, place);
    if (this.formAt(place) !== "str") return place;
    const text = this.strings.read(address, LONGEST_NAME);
    if (text === undefined) return place;
    this.names.add(place, text);
    if (text === "__module__") this.moduleKeys.add(place);
    return place;
  }

  private addConstants(address: number, nesting: number): void {
    const place = address === 0 ? -1 : this.heap.placeOf(address);
    if (place < 0 || nesting > MOST_NESTING || hasBit(this.seenConstants, place)) return;
    setBit(this.seenConstants, place);
    switch (this.formAt(place)) {
      case "str": {
        // A name is its own text, whoever else has it.
        const text = hasBit(this.seen, place) ? undefined : this.strings.read(address, LONGEST_CONSTANT);
        if (text !== undefined) this.constants.add(place, text);
        return;
      }
      case "tuple": {
        const length = this.lengthOf(address);
        for (let index = 0; index < length; index++) this.addConstants(this.item(address, index), nesting + 1);
        return;
      }
      case "set":
        this.addMembers(address, nesting + 1);
        return;
      default:
    }
  }

  private addMembers(set: number, nesting: number): void {
    const slots = Math.min(this.image.u64(set + this.at.setMask) + 1, MOST_ENTRIES);
    const table = this.image.u64(set + this.at.setTable);
    for (let slot = 0; slot < slots; slot++) this.addConstants(this.image.u64(table + slot * this.at.setEntryBytes), nesting);
  }

  private formAt(place: number): TypeFormName | undefined {
    return this.forms[this.heap.typeOf(place)];
  }

  private lengthOf(tuple: number): number {
    return Math.min(this.image.u64(tuple + this.at.length), MOST_ENTRIES);
  }

  private item(tuple: number, index: number): number {
    return this.image.u64(tuple + this.at.firstItem + index * POINTER_BYTES);
  }
}

class TextColumns {
  private readonly places = new Uint32Column();
  private readonly texts: string[] = [];

  add(place: number, text: string): void {
    this.places.push(place);
    this.texts.push(text);
  }

  found(): FoundTexts {
    return { places: this.places.view(), texts: this.texts };
  }
}

type Offsets = ReturnType<typeof offsetsOf>;

/** Where a release has what is read of each object: asked once, not for every object. */
function offsetsOf(layout: Layout) {
  const present = (structure: string, fields: readonly string[]) =>
    fields.filter((field) => layout.has(structure, field)).map((field) => layout.offset(structure, field));
  return {
    moduleDict: layout.offset("PyModuleObject", "md_dict"),
    moduleNames: present("PyModuleObject", MODULE_NAMES),
    functionNames: present("PyFunctionObject", FUNCTION_NAMES),
    typeDict: layout.offset("PyTypeObject", "tp_dict"),
    typeFlags: layout.offset("PyTypeObject", "tp_flags"),
    typeNames: present("PyHeapTypeObject", TYPE_NAMES),
    slots: layout.offset("PyHeapTypeObject", "ht_slots"),
    sharedKeys: layout.offset("PyHeapTypeObject", "ht_cached_keys"),
    codeNames: present("PyCodeObject", CODE_NAMES),
    codeTuples: present("PyCodeObject", CODE_TUPLES),
    constants: layout.offset("PyCodeObject", "co_consts"),
    firstLine: layout.offset("PyCodeObject", "co_firstlineno"),
    length: layout.offset("PyVarObject", "ob_size"),
    firstItem: layout.offset("PyTupleObject", "ob_item"),
    setMask: layout.offset("PySetObject", "mask"),
    setTable: layout.offset("PySetObject", "table"),
    setEntryBytes: layout.size("setentry"),
  };
}
