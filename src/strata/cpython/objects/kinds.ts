import * as P from "../kernels/parameters.ts";
import * as Borrowing from "./decoders/borrowing.ts";
import * as Buffers from "./decoders/buffers.ts";
import * as Code from "./decoders/code.ts";
import * as Collections from "./decoders/collections.ts";
import * as Ctypes from "./decoders/ctypes.ts";
import * as Execution from "./decoders/execution.ts";
import * as Modules from "./decoders/modules.ts";
import type { ObjectContext } from "./object-context.ts";

/** Decodes one object of a kind that the kernels leave to the host: address, row and place in, bytes without headers out. */
export type HostDecoder = (context: ObjectContext, address: number, row: number, place: number) => number;

/** How instances of a type, and of the classes derived from it, are laid out. */
export interface TypeKind {
  /** `KIND_…` of the kernels. */
  readonly kind: number;
  /** The decoder of `KIND_HOST`. */
  readonly decoder?: HostDecoder;
  /** ob_size is no count of items in the object. */
  readonly ignoreItems?: boolean;
  /** ob_size counts items that lie in the object: an instance that would not fit its place is none. */
  readonly itemsInPlace?: boolean;
  /** Its shallow size counts a table that lies elsewhere. */
  readonly tableOutside?: boolean;
  /** Its whole body is read word by word. */
  readonly scansBody?: boolean;
  /** Native memory of it refers to no objects, but for those that its decoder visits. */
  readonly opaqueMemory?: boolean;
  readonly roundTo8?: boolean;
  /** Instances may be allocated shorter than basicsize. */
  readonly leastBytes?: number;
}

function hosted(decoder: HostDecoder, extra?: Omit<TypeKind, "kind" | "decoder">): TypeKind {
  return { kind: P.KIND_HOST, decoder, ignoreItems: true, ...extra };
}

const OUTSIDE = { tableOutside: true } as const;
const OPAQUE = { opaqueMemory: true } as const;

/** Types that Python's module exports, by symbol. */
function kindsBySymbol({
  layout,
  since,
}: {
  layout: ObjectContext["layout"];
  since: (minor: number) => boolean;
}): Readonly<Record<string, TypeKind>> {
  return {
    PyBaseObject_Type: { kind: P.KIND_INSTANCE },
    PyUnicode_Type: { kind: P.KIND_STR, leastBytes: layout.size("PyASCIIObject"), ignoreItems: true },
    PyLong_Type: { kind: P.KIND_LONG, leastBytes: 24, ignoreItems: true },
    PyBool_Type: { kind: P.KIND_LONG, leastBytes: 24, ignoreItems: true },
    PyFloat_Type: { kind: P.KIND_ATOM },
    PyComplex_Type: { kind: P.KIND_ATOM },
    PyBytes_Type: { kind: P.KIND_BYTES, itemsInPlace: true },
    PyTuple_Type: { kind: P.KIND_TUPLE, itemsInPlace: true },
    PyList_Type: { kind: P.KIND_LIST, tableOutside: true },
    PyDict_Type: { kind: P.KIND_DICT, tableOutside: true },
    PySet_Type: { kind: P.KIND_SET, tableOutside: true },
    PyFrozenSet_Type: { kind: P.KIND_SET, tableOutside: true },
    _PyWeakref_RefType: { kind: P.KIND_WEAK_REFERENCE },
    _PyWeakref_ProxyType: { kind: P.KIND_WEAK_REFERENCE },
    _PyWeakref_CallableProxyType: { kind: P.KIND_WEAK_REFERENCE },
    PyType_Type: hosted(Code.decodeType, { leastBytes: 64, ...OPAQUE }),
    PyCode_Type: hosted(Code.decodeCode, since(11) ? { roundTo8: true } : {}),
    PyFrame_Type: hosted(Execution.decodeFrame, { leastBytes: 40 }),
    PyModule_Type: hosted(Modules.decodeModule),
    PyMemoryView_Type: hosted(Borrowing.without("PyMemoryViewObject", "view")),
    _PyManagedBuffer_Type: hosted(Borrowing.without("_PyManagedBufferObject", ...BUFFER_FIELDS)),
    // What it describes is the type's.
    PyMemberDescr_Type: hosted(Borrowing.without("PyMemberDescrObject", "d_member")),
    PyEnum_Type: hosted(Borrowing.without("enumobject", "one")),
    PyContextVar_Type: hosted(Borrowing.without("PyContextVar", "var_cached")),
    ...(since(11)
      ? {
          PyGen_Type: hosted(Execution.decodeGenerator),
          PyCoro_Type: hosted(Execution.decodeCoroutine),
          PyAsyncGen_Type: hosted(Execution.decodeAsyncGenerator),
        }
      : {
          PyGen_Type: hosted(Borrowing.without("PyGenObject", "gi_running")),
          PyCoro_Type: hosted(Borrowing.without("PyCoroObject", "cr_running")),
          PyAsyncGen_Type: hosted(Borrowing.without("PyAsyncGenObject", "ag_running")),
        }),
    PyByteArray_Type: hosted(Buffers.decodeByteArray, OUTSIDE),
    PyODict_Type: hosted(Collections.decodeOrderedDict, OUTSIDE),
  };
}

/** What C code makes of tuple. */
export const STRUCT_SEQUENCE: TypeKind = hosted(Collections.decodeStructSequence, { ignoreItems: false, itemsInPlace: true });

/** Kinds of the types that Python's module exports, by the address of the type object. */
export function kindsByAddress(context: ObjectContext): Map<number, TypeKind> {
  const kinds = new Map<number, TypeKind>();
  const bySymbol = kindsBySymbol({ layout: context.layout, since: (minor) => context.since(minor) });
  for (const [symbol, kind] of Object.entries(bySymbol)) {
    const address = context.runtime.symbol(symbol);
    if (address !== undefined) kinds.set(address, kind);
  }
  return kinds;
}

/** A managed buffer counts its exporter; the rest describes memory that is the exporter's (Include/object.h Py_buffer). */
const BUFFER_FIELDS = ["buf", "format", "shape", "strides", "suboffsets", "internal"].map((field) => `master.${field}`);

const SQLITE_EXCEPTIONS = [
  "Warning",
  "Error",
  "InterfaceError",
  "DatabaseError",
  "DataError",
  "OperationalError",
  "IntegrityError",
  "InternalError",
  "ProgrammingError",
  "NotSupportedError",
];

/** Types of the standard library's C code that are not exported, by tp_name; classes made in Python never get here. */
export const KINDS_BY_NAME: ReadonlyMap<string, TypeKind> = new Map(
  Object.entries({
    "collections.deque": hosted(Collections.decodeDeque, OUTSIDE),
    "array.array": hosted(Buffers.decodeArray, OUTSIDE),
    "mmap.mmap": hosted(Buffers.decodeMmap),
    "numpy.ndarray": hosted(Buffers.decodeNdarray),
    "_io.StringIO": hosted(Borrowing.without("stringio", "module_state"), OPAQUE),
    "_io.BytesIO": hosted(Buffers.decodeBytesIO, OUTSIDE),
    "_io.BufferedReader": hosted(Buffers.decodeBuffered, { ...OUTSIDE, ...OPAQUE }),
    "_io.BufferedWriter": hosted(Buffers.decodeBuffered, { ...OUTSIDE, ...OPAQUE }),
    "_io.BufferedRandom": hosted(Buffers.decodeBuffered, { ...OUTSIDE, ...OPAQUE }),
    Struct: hosted(Modules.decodeStruct, OUTSIDE),
    "_struct.Struct": hosted(Modules.decodeStruct, OUTSIDE),
    "xml.etree.ElementTree.Element": hosted(Modules.decodeElement, OUTSIDE),
    "_pickle.Pickler": hosted(Modules.decodePickler, OUTSIDE),
    "_pickle.Unpickler": hosted(Modules.decodeUnpickler, OUTSIDE),
    "itertools.product": hosted(Modules.decodeProduct, OUTSIDE),
    "itertools.combinations": hosted(Modules.decodeCombinations, OUTSIDE),
    "itertools.combinations_with_replacement": hosted(Modules.decodeCombinationsWithReplacement, OUTSIDE),
    "itertools.permutations": hosted(Modules.decodePermutations, OUTSIDE),
    "decimal.Decimal": hosted(Modules.decodeDecimal, OUTSIDE),
    StgDict: hosted(Ctypes.decodeDescriptionDict, OUTSIDE),
    ...Object.fromEntries(
      ["PyCStructType", "UnionType", "PyCPointerType", "PyCArrayType", "PyCSimpleType", "PyCFuncPtrType"].map((name) => [
        `_ctypes.${name}`,
        hosted(Ctypes.decodeDescribedType),
      ]),
    ),
    "datetime.time": hosted(Borrowing.zoned("PyDateTime_Time"), { leastBytes: 32 }),
    "datetime.datetime": hosted(Borrowing.zoned("PyDateTime_DateTime"), { leastBytes: 40 }),
    "functools._lru_cache_wrapper": hosted(Borrowing.decodeLruCache),
    "functools._lru_list_elem": hosted(Borrowing.decodeLruLink),
    "itertools._tee_dataobject": hosted(Borrowing.decodeTeeData),
    "itertools.groupby": hosted(Borrowing.without("groupbyobject", "currgrouper")),
    "decimal.Context": hosted(Borrowing.without("PyDecContextObject", "tstate")),
    "zlib.Compress": hosted(Borrowing.without("compobject", "zst"), OPAQUE),
    "zlib.Decompress": hosted(Borrowing.without("compobject", "zst"), OPAQUE),
    "_bz2.BZ2Compressor": hosted(Borrowing.without("BZ2Compressor", "bzs"), OPAQUE),
    "_bz2.BZ2Decompressor": hosted(Borrowing.without("BZ2Decompressor", "bzs"), OPAQUE),
    "_lzma.LZMACompressor": hosted(Borrowing.without("Compressor", "alloc", "lzs"), OPAQUE),
    "_lzma.LZMADecompressor": hosted(Borrowing.without("Decompressor", "alloc", "lzs"), OPAQUE),
    "_thread.lock": hosted(Borrowing.without("lockobject", "locked"), OPAQUE),
    "_thread.RLock": hosted(Borrowing.without("rlockobject"), OPAQUE),
    "_ssl._SSLContext": hosted(Borrowing.without("PySSLContext"), OPAQUE),
    "_ssl._SSLSocket": hosted(Borrowing.without("PySSLSocket"), OPAQUE),
    "_hashlib.HASH": hosted(Borrowing.without("EVPobject"), OPAQUE),
    "re.Pattern": hosted(Borrowing.without("PatternObject", "code"), OPAQUE),
    "_sre.SRE_Pattern": hosted(Borrowing.without("PatternObject", "code"), OPAQUE),
    "_sre.SRE_Scanner": hosted(Borrowing.without("ScannerObject"), OPAQUE),
    "_elementtree._element_iterator": hosted(Modules.decodeElementIterator),
    "_hashlib.HMAC": hosted(Borrowing.without("HMACobject"), OPAQUE),
    "_pickle.Pdata": hosted(Modules.decodePickleStack),
    "_queue.SimpleQueue": hosted(Borrowing.withOpaque("simplequeueobject", "lock")),
    "_ctypes.CThunkObject": hosted(Borrowing.without("CThunkObject", "atypes"), OPAQUE),
    // Parsers know the object that they belong to; handlers are a table of their own.
    "pyexpat.xmlparser": hosted(Borrowing.withOpaque("xmlparseobject", "itself")),
    "xml.etree.ElementTree.XMLParser": hosted(Borrowing.withOpaque("XMLParserObject", "parser", "state")),
    "_random.Random": hosted(Borrowing.decodePlainData),
    // Exceptions of the module, which the connection has as attributes; a node's links to its neighbours are borrowed.
    "sqlite3.Connection": hosted(Borrowing.without("pysqlite_Connection", ...SQLITE_EXCEPTIONS)),
    "sqlite3.Cache": hosted(Borrowing.decodeStatementCache),
    sqlite3Node: hosted(Borrowing.without("pysqlite_Node", "prev", "next")),
    "sqlite3.Node": hosted(Borrowing.without("pysqlite_Node", "prev", "next")),
  } satisfies Record<string, TypeKind>),
);
