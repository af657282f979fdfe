import { USER_SPACE_END } from "../../../base/units.ts";
import * as P from "../kernels/parameters.ts";
import { type HostDecoder, KINDS_BY_NAME, kindsByAddress, STRUCT_SEQUENCE, type TypeKind } from "./kinds.ts";
import type { ObjectContext } from "./object-context.ts";
import { MAX_ROWS } from "./row-table.ts";
import { TypeFlag } from "./type-flags.ts";

const TWO_32 = 2 ** 32;
/** Longest chain of bases that is followed; a corrupt one must end. */
const MAX_BASES = 64;
/** A metaclass of a metaclass of … is believed up to here. */
const MAX_META = 5;

/** Fields of a type object that decoding needs, in bytes; the same in all versions from 2.7 on, taken from the layout all the same. */
interface TypeOffsets {
  readonly name: number;
  readonly basicSize: number;
  readonly itemSize: number;
  readonly dealloc: number;
  readonly flags: number;
  readonly weakList: number;
  readonly base: number;
  readonly dictOffset: number;
}

/**
 * Knows the type objects of the process: decides what is one, and writes its row for the kernels.
 * The kernels ask once for each address and keep the answer.
 */
export class TypeRegistry {
  /** Address of the type of each row; index 0 is unused. */
  readonly addresses: number[] = [0];
  private readonly rowAt = new Map<number, number>();
  private readonly kinds: ReadonlyMap<number, TypeKind>;
  private readonly decoders: HostDecoder[] = [];
  /** Rows of types whose native memory refers to nothing. */
  private readonly opaqueMemory = new Set<number>();
  private readonly offsets: TypeOffsets;
  private readonly headerBytes: number;
  private readonly preHeaderFlags: number;
  private subtypeDealloc: number | undefined;
  private discovering = false;

  constructor(private readonly context: ObjectContext) {
    const { layout } = context;
    const offset = (field: string) => layout.offset("PyTypeObject", field);
    this.offsets = {
      name: offset("tp_name"),
      basicSize: offset("tp_basicsize"),
      itemSize: offset("tp_itemsize"),
      dealloc: offset("tp_dealloc"),
      flags: offset("tp_flags"),
      weakList: offset("tp_weaklistoffset"),
      base: offset("tp_base"),
      dictOffset: offset("tp_dictoffset"),
    };
    this.kinds = kindsByAddress(context);
    this.headerBytes = layout.size("PyGC_Head");
    this.preHeaderFlags = context.since(12)
      ? TypeFlag.managedDict | TypeFlag.managedWeakReference
      : context.since(11)
        ? TypeFlag.managedDict
        : 0;
  }

  /** Decodes an object of a kind left to the host, for the kernels. */
  readonly decode = (word: number, row: number, place: number): number => {
    const { context } = this;
    const bytes = this.decoders[row](context, context.image.addressOf(word), row, place);
    context.visitBody(word, row, place);
    context.followMemory(place, this.opaqueMemory.has(row) ? P.SLOT_NONE : P.SLOT_MEMORY);
    return bytes;
  };

  /** Tells the registry which tp_dealloc Python classes have; what has another one is C code's. */
  setSubtypeDealloc(address: number | undefined): void {
    this.subtypeDealloc = address;
  }

  get length(): number {
    return this.addresses.length;
  }

  /**
   * Type objects are objects, found like all others. Not before every chunk is classified: until then one that lies in a
   * chunk would be taken for static.
   */
  discoverTypes(): void {
    this.discovering = true;
    for (const type of [...this.addresses]) this.context.placeOf(type);
  }

  /** Row of a type object for the kernels; 0 when there is none at the address. */
  readonly rowOf = (_word: number, low: number, high: number): number =>
    this.rowForAddress((low >>> 0) + (high >>> 0) * TWO_32);

  rowForAddress(address: number): number {
    const known = this.rowAt.get(address);
    if (known !== undefined) return known;
    if (!this.isType(address, 0)) {
      // Remembering rejects keeps them cheap; a corrupt heap must not fill memory with them.
      if (this.rowAt.size < 4 * MAX_ROWS) this.rowAt.set(address, 0);
      return 0;
    }
    if (this.addresses.length >= MAX_ROWS) return 0;
    const row = this.addresses.length;
    this.addresses.push(address);
    this.rowAt.set(address, row);
    this.context.rows.length = row + 1;
    this.writeRow(row, address);
    return row;
  }

  flagsOf(type: number): number {
    return this.context.image.i32(type + this.offsets.flags);
  }

  isHeapType(type: number): boolean {
    return (this.flagsOf(type) & TypeFlag.heapType) !== 0;
  }

  /** Made by a class statement, not by C code. */
  isPythonClass(type: number): boolean {
    return this.isHeapType(type) && this.context.image.u64(type + this.offsets.dealloc) === this.subtypeDealloc;
  }

  /**
   * Instances own a reference to their type when that is a heap type. Up to 3.7 those of types of C code need not: PyObject_Init
   * left it out (bpo-35810), only PyType_GenericAlloc, which classes of Python code use, did not.
   */
  private countsType(type: number): boolean {
    return this.context.since(8) ? this.isHeapType(type) : this.isPythonClass(type);
  }

  private isType(address: number, depth: number): boolean {
    const { image, runtime } = this.context;
    if (address === runtime.typeType) return true;
    if (depth > MAX_META || address % 8 !== 0 || !image.has(address)) return false;
    const basicSize = image.u64(address + this.offsets.basicSize);
    if (basicSize < P.LEAST_BASIC_BYTES || basicSize > P.MOST_BASIC_BYTES) return false;
    const name = image.u64(address + this.offsets.name);
    if (name === 0 || name >= USER_SPACE_END) return false;
    const meta = image.u64(address + 8);
    if (meta === address) return false;
    if (meta === runtime.typeType) {
      // Some static types of C code are used without PyType_Ready; they have a destructor all the same.
      return (this.flagsOf(address) & TypeFlag.ready) !== 0 || image.u64(address + this.offsets.dealloc) !== 0;
    }
    return (this.flagsOf(meta) & TypeFlag.typeSubclass) !== 0 && this.isType(meta, depth + 1);
  }

  private writeRow(row: number, type: number): void {
    const { image, rows } = this.context;
    const flags = this.flagsOf(type);
    const basicSize = image.u32(type + this.offsets.basicSize);
    const { kind, base } = this.kindOf(type);
    const head = (flags & TypeFlag.gc) !== 0 ? this.headerBytes : 0;
    const preHeader = (flags & this.preHeaderFlags) !== 0 ? 16 : 0;
    const itemSize = image.i32(type + this.offsets.itemSize);
    const managed = this.context.since(11) && (flags & TypeFlag.managedDict) !== 0;
    const inline = this.context.since(13) && managed && (flags & TypeFlag.inlineValues) !== 0;
    const keys = managed ? this.sharedKeys(type) : 0;
    const baseBasicSize = base === type ? basicSize : image.u32(base + this.offsets.basicSize);
    const readsAll = kind.scansBody === true || kind.kind === P.KIND_INSTANCE;
    const slots = base !== type && !readsAll && basicSize > baseBasicSize && itemSize === 0;
    const dictOffset = managed ? 0 : image.i32(type + this.offsets.dictOffset);

    if (kind.decoder) this.decoders[row] = kind.decoder;
    if (kind.opaqueMemory) this.opaqueMemory.add(row);
    rows.set(row, P.ROW_KIND, kind.kind);
    rows.set(row, P.ROW_HEAD_WORDS, (head + preHeader) / 4);
    rows.set(row, P.ROW_BASIC_BYTES, basicSize);
    rows.set(row, P.ROW_ITEM_BYTES, itemSize > 0 && itemSize < 4096 ? itemSize : 0);
    rows.set(
      row,
      P.ROW_FLAGS,
      (managed ? P.FLAG_MANAGED_DICT : 0) |
        (inline ? P.FLAG_INLINE_VALUES : 0) |
        (slots ? P.FLAG_SLOTS : 0) |
        (head > 0 ? P.FLAG_GC : 0) |
        (kind.itemsInPlace ? P.FLAG_VARIABLE : 0) |
        (kind.ignoreItems ? P.FLAG_NO_ITEMS : 0) |
        (kind.roundTo8 ? P.FLAG_ROUND_8 : 0) |
        (inline ? P.FLAG_HOLDS_TABLES : 0) |
        (kind.decoder ? P.FLAG_READS_OTHERS : 0) |
        (this.countsType(type) ? P.FLAG_COUNTS_TYPE : 0) |
        ((flags & TypeFlag.typeSubclass) !== 0 ? P.FLAG_METATYPE : 0),
    );
    rows.set(row, P.ROW_LEAST_BYTES, kind.leastBytes ?? basicSize);
    const weakList = image.i32(type + this.offsets.weakList);
    rows.set(row, P.ROW_WEAK_LIST, weakList > 0 ? weakList >>> 2 : -1);
    rows.set(row, P.ROW_SLOTS, Math.ceil(baseBasicSize / 8) * 2);
    rows.set(row, P.ROW_SHARED_KEYS, keys === 0 ? this.context.image.zeroSlot : image.wordOf(keys));
    rows.set(row, P.ROW_HEAD_SHALLOW, head + preHeader);
    rows.set(row, P.ROW_DICT_OFFSET, dictOffset % 8 === 0 ? dictOffset : 0);
    const inlineBytes = inline && keys !== 0 ? inlineValuesBytes(this.context, keys) : 0;
    const outside = kind.tableOutside === true || inlineBytes > 0;
    rows.set(row, P.ROW_PLACE_BYTES, outside ? head + preHeader + Math.ceil(basicSize / 8) * 8 + inlineBytes : 0);
    if (this.discovering) this.context.placeOf(type);
  }

  /**
   * Nearest base whose layout is known, and its kind. Python classes over `object` have slots only; a C type that nobody knows
   * may hold anything in what it adds to its base.
   */
  private kindOf(type: number): { kind: TypeKind; base: number } {
    const { image } = this.context;
    let unknownC = false;
    for (let base = type, depth = 0; base !== 0 && depth < MAX_BASES; depth++) {
      const python = this.isPythonClass(base);
      const known = this.kinds.get(base) ?? this.kindByName(base);
      if (known) return { kind: unknownC ? madeByC(known) : known, base };
      unknownC ||= !python;
      base = image.u64(base + this.offsets.base);
      if (!image.has(base)) break;
    }
    return { kind: UNKNOWN, base: type };
  }

  /** Heap types of C code have their module in tp_name; a class statement's name has no dot. */
  private kindByName(type: number): TypeKind | undefined {
    const name = this.context.text(this.nameAddress(type));
    return name === undefined || (this.isHeapType(type) && !name.includes(".")) ? undefined : KINDS_BY_NAME.get(name);
  }

  /** Address of a heap type's ht_cached_keys, 0 when it has none. */
  sharedKeys(type: number): number {
    if (!this.isHeapType(type)) return 0;
    const keys = this.context.image.u64(type + this.context.layout.offset("PyHeapTypeObject", "ht_cached_keys"));
    return this.context.image.has(keys) ? keys : 0;
  }

  /** Address of the type's name, tp_name. */
  nameAddress(type: number): number {
    return this.context.image.u64(type + this.offsets.name);
  }
}

const UNKNOWN: TypeKind = { kind: P.KIND_BODY, scansBody: true };

/** Kind of a type of C code that nobody knows, by that of its base. */
function madeByC(base: TypeKind): TypeKind {
  if (base.kind === P.KIND_INSTANCE) return UNKNOWN;
  return base.kind === P.KIND_TUPLE ? STRUCT_SEQUENCE : base;
}

/** Bytes of the values that lie behind an instance of 3.13+: header, pointers, one byte of order each (pycore_dict.h). */
function inlineValuesBytes(context: ObjectContext, keys: number): number {
  const { image, layout } = context;
  const count =
    image.u32(keys + layout.offset("PyDictKeysObject", "dk_nentries")) +
    image.u32(keys + layout.offset("PyDictKeysObject", "dk_usable"));
  return count > 255 ? 0 : 8 + count * 8 + Math.ceil(count / 8) * 8;
}
