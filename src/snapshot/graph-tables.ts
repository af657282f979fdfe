/** The tables of a graph: what a snapshot has when references were asked for. In memory and in the file as those of `tables.ts`. */

/** What a capture with references adds: who refers to whom, by what name, and who holds the first of them. */
export interface GraphTables {
  readonly references: ReferenceTables;
  readonly roots: RootTable;
  readonly types: TypeGraphTable;
  readonly names: NameTable;
  readonly contents: ContentTable;
  readonly codes: CodeTable;
  /** Only when values were asked for. */
  readonly values: ValueTable | undefined;
}

/**
 * References that their owner counts, in compressed sparse rows: those of object i are `targets[offsets[i]]` up to, not including,
 * `targets[offsets[i + 1]]`. `references.ts` walks them with their slots.
 *
 * An instance of a heap type refers to its type (slot `type`); that of a static type does not.
 */
export interface ReferenceTables {
  readonly length: number;
  /** One more than there are places. */
  readonly offsets: Uint32Array;
  /** Object indexes; always of a place whose state is `object`. */
  readonly targets: Uint32Array;
  /** How far a reference's slot is from the one before: see `references.ts`. */
  readonly steps: Uint8Array;
  /** Slots that a step cannot say, by ascending number of the reference. */
  readonly wideSlots: { readonly length: number; readonly reference: Uint32Array; readonly slot: Uint32Array };
  /** Pointers that do not keep their target alive, by ascending source: weak references; the keys that a split dictionary shares. */
  readonly uncounted: {
    readonly length: number;
    readonly source: Uint32Array;
    readonly target: Uint32Array;
    readonly slot: Uint32Array;
    /** `UncountedKind` */
    readonly kind: Uint8Array;
  };
}

export const UncountedKind = {
  /** The target of a weakref, proxy or similar. */
  weak: 0,
  /** From a split dictionary to the type whose attribute names are its keys. */
  sharedKeys: 1,
} as const;

/**
 * Where in its owner a reference lies: the upper three bits of a slot are the part, the lower 29 the position in it.
 */
export const SlotPart = {
  /** Item of a list, tuple, deque or set by index; entry e of a dictionary: 2e its key, 2e + 1 its value. */
  item: 0,
  /** Pointer-sized word of the body: (offset − 16) / 8. `TypeGraphTable.fields` names it. */
  field: 1,
  /** Attribute by its number in the keys that instances of the type share; from a type: the key itself, a str. */
  attribute: 2,
  /** Local, cell or free variable of a frame, generator or coroutine by number; evaluation stack behind them. */
  local: 3,
  /** In memory that the owner owns and nobody describes; position 0. */
  memory: 4,
  /** 0: the type (`__class__`); 1: the instance dictionary (`__dict__`). */
  implicit: 5,
} as const;

/** Who holds an object although no object refers to it, or by what name one begins an expression. */
export const RootKind = {
  /** Entry of sys.modules; `name` is the module's name. */
  module: 0,
  /** Field of an interpreter's state: "builtins", "sys", "codec search path", "atexit", "gc.garbage" …; `owner` is the interpreter. */
  interpreter: 1,
  /** Variable of a thread's Python frame; `owner` is the thread, `frame` the frame, `name` the variable ("" when on the evaluation stack). */
  frame: 2,
  /** Field of a thread's state: current exception, context …; `owner` is the thread. */
  thread: 3,
  /** A static type: part of the program. */
  staticType: 4,
  /** Data of the Python runtime itself (small ints, None, static strings). */
  runtime: 5,
  /** Data of a library, or memory that belongs to it, points here; `owner` is the library. Evidence, not a count. */
  library: 6,
  /** The table of interned strings. */
  interned: 7,
} as const;

export interface RootTable {
  readonly length: number;
  /** `RootKind` */
  readonly kind: Uint8Array;
  /** Object index. */
  readonly target: Uint32Array;
  /** Index of thread, interpreter or library; -1 for none. */
  readonly owner: Int32Array;
  /** Index into the thread's frames, -1 for none. */
  readonly frame: Int32Array;
  readonly name: readonly string[];
  /** 1 when the root owns a counted reference; 0 for what merely points (sys.modules counts through its dictionary). */
  readonly counted: Uint8Array;
}

/** How the item references of a type's instances are named, and what an instance is. */
export const TypeForm = {
  other: 0,
  list: 1,
  tuple: 2,
  dict: 3,
  set: 4,
  str: 5,
  bytes: 6,
  int: 7,
  float: 8,
  bool: 9,
  none: 10,
  module: 11,
  type: 12,
  function: 13,
  method: 14,
  code: 15,
  frame: 16,
  generator: 17,
  cell: 18,
  weakReference: 19,
  deque: 20,
  /** Instance of a class made by a class statement over `object`. */
  instance: 21,
} as const;

/** Bits of `TypeGraphTable.flags`. */
export const TypeFlags = {
  /** Py_TPFLAGS_HAVE_GC */
  gc: 1,
  /** Instances have a `__del__` or tp_finalize of their own, or a tp_del. */
  finalizer: 2,
  /** Made by a class statement. */
  pythonClass: 4,
  heapType: 8,
} as const;

/** More about each type, row by row as in `TypeTable`. */
export interface TypeGraphTable {
  /** Object index of the type object, -1 when it is not in the image. */
  readonly object: Int32Array;
  /** Type index of tp_base, -1 for none. */
  readonly base: Int32Array;
  /** `TypeForm`, inherited from the nearest base that has one. */
  readonly form: Uint8Array;
  /** `TypeFlags` */
  readonly flags: Uint8Array;
  /** Bytes of an instance in its own place that sys.getsizeof leaves out (inline values of 3.13). */
  readonly inPlaceExtraBytes: Uint32Array;
  /**
   * Names of fields: `__slots__`, tp_members, and what the layout tables know. By ascending type, then position; bases' included.
   * A name in angle brackets is a C field that no attribute reaches.
   */
  readonly fields: {
    readonly length: number;
    readonly type: Uint32Array;
    readonly position: Uint32Array;
    readonly name: readonly string[];
  };
}

/** Text of the str objects that are names, by ascending object. A text that several objects have is there once. */
export interface NameTable {
  readonly length: number;
  readonly object: Uint32Array;
  readonly text: Uint32Array;
  readonly texts: readonly string[];
}

/** Every str and bytes object that is no name, by ascending object: how long it is, and a hash under a key that nobody kept. */
export interface ContentTable {
  readonly length: number;
  readonly object: Uint32Array;
  /** Characters of a str, bytes of a bytes. */
  readonly size: Uint32Array;
  readonly hashLow: Uint32Array;
  readonly hashHigh: Uint32Array;
}

/** Every code object, by ascending object: a function is found in its file by the line where it begins. */
export interface CodeTable {
  readonly length: number;
  readonly object: Uint32Array;
  /** co_firstlineno; 0 when there is none. */
  readonly firstLine: Uint32Array;
}

/** Values as Python's repr prints them, by ascending object: str, bytes, int, float. */
export interface ValueTable {
  readonly length: number;
  readonly object: Uint32Array;
  readonly repr: readonly string[];
  /** 1 where the value was longer than what is kept; `repr` is its beginning then. */
  readonly cut: Uint8Array;
}
