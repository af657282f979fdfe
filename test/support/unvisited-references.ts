/**
 * References that their owner counts and that the collector does not visit: the closed list, each with its reason. A reference of
 * ours that neither gc.get_referents nor this list knows is a mistake. Structures and fields are named as in CPython's sources.
 */

import { qualifiedTypeName } from "../../src/analysis/types.ts";
import { SlotPart, TypeForm } from "../../src/snapshot/graph-tables.ts";
import { packSlot, slotPart, slotPosition } from "../../src/snapshot/references.ts";
import { descriptorType } from "../../src/snapshot/states.ts";
import { type Layout, layoutsFor } from "../../src/strata/cpython/layouts/layout.ts";
import { type KnownObjects, pythonVersion, typeNameAt } from "./reference-truth.ts";

const HEADER_BYTES = 16;
const POINTER_BYTES = 8;
const MOST_BASES = 64;

/** Memory outside the object that holds references of its owner. */
const IN_MEMORY: Readonly<Record<string, string>> = {
  // Strings, numbers and, up to 3.8, everything in the state of a module without a tp_traverse.
  module: "state of a module",
  code: "co_code and names that were made from it (_PyCoCached, 3.12)",
  "functools._lru_cache_wrapper": "links of an lru_cache, which are values of its dictionary too",
  "collections.OrderedDict": "keys of an OrderedDict's nodes, which are keys of the dictionary too",
  "zoneinfo.ZoneInfo": "offsets and names of a time zone's transitions",
  "sqlite3.Cache": "nodes of a statement cache, which are values of its dictionary too",
  PyCapsule: "what C code exports through a capsule",
  "_pickle.Pickler": "memo of a pickler",
  "_pickle.Unpickler": "memo of an unpickler",
};

const STRUCT_SEQUENCE =
  /^(os\.stat_result|os\.statvfs_result|time\.struct_time|posix\.\w+_result|(pwd|grp|resource)\.struct_\w+)$/;

/** Types without a tp_traverse: nothing of theirs can close a cycle, or nobody wrote one. In some versions they have got one. */
const UNTRAVERSED: Readonly<Record<string, readonly [structure: string, ...fields: string[]]>> = {
  code: [
    "PyCodeObject",
    "co_code",
    "co_consts",
    "co_names",
    "co_varnames",
    "co_freevars",
    "co_cellvars",
    "co_filename",
    "co_name",
    "co_qualname",
    "co_lnotab",
    "co_linetable",
    "co_exceptiontable",
    "co_localsplusnames",
    "co_localspluskinds",
    "_co_code",
  ],
  range: ["rangeobject", "start", "stop", "step", "length"],
  longrange_iterator: ["longrangeiterobject", "index", "start", "step", "len"],
  "datetime.timezone": ["PyDateTime_TimeZone", "offset", "name"],
  "datetime.datetime": ["PyDateTime_DateTime", "tzinfo"],
  "datetime.time": ["PyDateTime_Time", "tzinfo"],
  "decimal.Context": ["PyDecContextObject", "traps", "flags"],
  "re.Pattern": ["PatternObject", "groupindex", "indexgroup", "pattern"],
  "_sre.SRE_Pattern": ["PatternObject", "groupindex", "indexgroup", "pattern"],
  "re.Match": ["MatchObject", "string", "regs", "pattern"],
  "_sre.SRE_Match": ["MatchObject", "string", "regs", "pattern"],
  "_sre.SRE_Scanner": ["ScannerObject", "pattern", "state.string"],
  "_csv.Dialect": ["DialectObj", "lineterminator"],
  "_ctypes.DictRemover": ["DictRemoverObject", "key", "dict"],
  CArgObject: ["PyCArgObject", "obj"],
  "_elementtree._element_iterator": ["ElementIterObject", "root_element", "sought_tag"],
  "_hashlib.HASH": ["EVPobject", "name"],
  "_io.IncrementalNewlineDecoder": ["nldecoder_object", "decoder", "errors"],
  "_struct.Struct": ["PyStructObject", "s_format"],
  Struct: ["PyStructObject", "s_format"],
  _RunningLoopHolder: ["PyRunningLoopHolder", "rl_loop"],
  _abc_data: ["_abc_data", "_abc_registry", "_abc_cache", "_abc_negative_cache"],
  "functools.KeyWrapper": ["keyobject", "cmp", "object"],
  "operator.methodcaller": ["methodcallerobject", "name"],
  "posix.ScandirIterator": ["ScandirIterator", "path.object", "path.cleanup"],
  "posix.DirEntry": ["DirEntry", "name", "path", "stat", "lstat"],
  "_thread._localdummy": ["localdummyobject", "localdict"],
  "_ssl._SSLSocket": ["PySSLSocket", "ctx", "owner", "server_hostname"],
  "select.poll": ["pollObject", "dict"],
  "sqlite3.Cursor": [
    "pysqlite_Cursor",
    "connection",
    "description",
    "row_cast_map",
    "lastrowid",
    "row_factory",
    "statement",
    "next_row",
  ],
  "sqlite3.Row": ["pysqlite_Row", "data", "description"],
  "zoneinfo.ZoneInfo": [
    "PyZoneInfo_ZoneInfo",
    "key",
    "file_repr",
    "tzrule_after.std.utcoff",
    "tzrule_after.std.dstoff",
    "tzrule_after.std.tzname",
  ],
  "_bz2.BZ2Decompressor": ["BZ2Decompressor", "unused_data"],
  "_lzma.LZMADecompressor": ["Decompressor", "unused_data"],
  "zlib.Compress": ["compobject", "unused_data", "unconsumed_tail", "zdict"],
  "zlib.Decompress": ["compobject", "unused_data", "unconsumed_tail", "zdict"],
};

/** Types whose tp_traverse leaves fields out that can only hold what has no references, or that nobody thought of. */
const LEFT_OUT: Readonly<Record<string, readonly [structure: string, ...fields: string[]]>> = {
  // Names are str.
  method_descriptor: ["PyDescrObject", "d_name", "d_qualname"],
  classmethod_descriptor: ["PyDescrObject", "d_name", "d_qualname"],
  getset_descriptor: ["PyDescrObject", "d_name", "d_qualname"],
  member_descriptor: ["PyDescrObject", "d_name", "d_qualname"],
  wrapper_descriptor: ["PyDescrObject", "d_name", "d_qualname"],
  module: ["PyModuleObject", "md_name"],
  "xml.etree.ElementTree.XMLParser": ["XMLParserObject", "elementtree_module"],
  generator: ["PyGenObject", "gi_name", "gi_qualname", "gi_iframe"],
  coroutine: ["PyCoroObject", "cr_name", "cr_qualname", "cr_origin", "cr_iframe"],
  async_generator: ["PyAsyncGenObject", "ag_name", "ag_qualname", "ag_iframe"],
  "typing.TypeVar": ["typevarobject", "name"],
  "typing.ParamSpec": ["paramspecobject", "name"],
  "typing.TypeVarTuple": ["typevartupleobject", "name"],
  "typing.TypeAliasType": ["typealiasobject", "name"],
  // What a file or a pickle is read from and written to.
  "_io.BytesIO": ["bytesio", "buf"],
  "_io.StringIO": ["stringio", "accu.small", "accu.large", "writer.buffer", "decoder", "readnl"],
  "_pickle.Pickler": ["PicklerObject", "output_buffer"],
  "_json.Scanner": ["PyScannerObject", "memo"],
  "_thread._local": ["localobject", "key", "wr_callback"],
  StgDict: ["StgDictObject", "argtypes", "converters", "restype", "checker", "proto"],
  "pyexpat.xmlparser": ["xmlparseobject", "intern"],
  "xml.etree.ElementTree.TreeBuilder": ["TreeBuilderObject", "events_append", "start_event_obj", "end_event_obj"],
  "sqlite3.Connection": [
    "pysqlite_Connection",
    "isolation_level",
    "statement_cache",
    "statements",
    "cursors",
    "row_factory",
    "text_factory",
    "function_pinboard",
    "collations",
  ],
};

/** Fields of type objects: type_traverse leaves out names and the table of weak references to subclasses. */
const TYPE_NAMES = ["ht_name", "ht_qualname", "ht_slots", "tp_subclasses"];
/** It answers for heap types only. */
const STATIC_TYPE_FIELDS = ["tp_dict", "tp_bases", "tp_mro", "tp_base", "tp_cache"];

export interface UnvisitedKinds {
  /** Name of the kind that explains why the collector does not visit a reference; undefined when nothing does. */
  kindOf(source: number, slot: number, target: number): string | undefined;
}

/** The kinds for the release that a snapshot was taken of. */
export function unvisitedKinds(known: KnownObjects): UnvisitedKinds {
  const version = pythonVersion(known);
  const layout = layoutsFor(version)[0];
  // PyObject_VisitManagedDict of 3.13 visits inline values and not the dictionary that a program asked for.
  const hasInlineValues = version.minor >= 13;
  const byType = new Map<number, ReadonlyMap<number, string>>();
  const { descriptor } = known.objects;
  const { form } = known.graph.types;
  const typeSlots = staticTypeSlots(layout);
  // Static objects lie neither in pools nor in chunks.
  const firstStatic = known.objects.poolPlaces + known.objects.chunkPlaces;
  const isType = (place: number) => form[descriptorType(descriptor[place])] === TypeForm.type;
  const isDict = (place: number) => form[descriptorType(descriptor[place])] === TypeForm.dict;
  const isStr = (place: number) => form[descriptorType(descriptor[place])] === TypeForm.str;
  return {
    kindOf(source, slot, target) {
      const part = slotPart(slot);
      const position = slotPosition(slot);
      // dict_traverse skips the keys of tables that have only str keys.
      if (part === SlotPart.item && position % 2 === 0 && isDict(source) && isStr(target)) return "str key of a dict";
      if (part === SlotPart.attribute && isType(source)) return "attribute name that instances share";
      // Instances visit their type from 3.9 on, and then only where a C type's own tp_traverse was taught to.
      if (part === SlotPart.implicit && position === 0) return "type of an instance";
      if (source >= firstStatic && typeSlots.has(slot) && isType(source)) return "field of a static type";
      if (part === SlotPart.implicit && hasInlineValues && isDict(target)) return "dictionary around inline values";
      if (part === SlotPart.memory)
        return IN_MEMORY[qualifiedTypeName(known.snapshot.types, descriptorType(descriptor[source]))];
      // Up to 3.7 struct sequences have tuple's tp_traverse, which knows their length only.
      if (part === SlotPart.item && version.minor <= 7 && STRUCT_SEQUENCE.test(typeNameAt(known, source))) {
        return "hidden item of a struct sequence";
      }
      if (part !== SlotPart.field) return undefined;
      const type = descriptorType(descriptor[source]);
      let fields = byType.get(type);
      if (fields === undefined) {
        fields = fieldKinds(known, layout, type);
        byType.set(type, fields);
      }
      return fields.get(position);
    },
  };
}

/** Slots of what a static type refers to. */
function staticTypeSlots(layout: Layout): ReadonlySet<number> {
  const positions = STATIC_TYPE_FIELDS.map((field) => (layout.offset("PyTypeObject", field) - HEADER_BYTES) / POINTER_BYTES);
  // A type's tp_dict is found as its instance dictionary.
  return new Set([...positions.map((position) => packSlot(SlotPart.field, position)), packSlot(SlotPart.implicit, 1)]);
}

/** Kind of each position in instances of a type, its bases' included. */
function fieldKinds({ snapshot, graph }: KnownObjects, layout: Layout, type: number): ReadonlyMap<number, string> {
  const kinds = new Map<number, string>();
  const enter = (kind: string, structure: string, fields: readonly string[]) => {
    for (const field of fields.filter((name) => layout.has(structure, name))) {
      kinds.set((layout.offset(structure, field) - HEADER_BYTES) / POINTER_BYTES, kind);
    }
  };
  if (graph.types.form[type] === TypeForm.type) {
    for (const structure of ["PyTypeObject", "PyHeapTypeObject"])
      enter("name, slots or subclasses of a type", structure, TYPE_NAMES);
  }
  for (let base = type, depth = 0; base >= 0 && depth < MOST_BASES; base = graph.types.base[base], depth++) {
    const name = qualifiedTypeName(snapshot.types, base);
    const [untraversed, ...contents] = UNTRAVERSED[name] ?? [""];
    const [leftOut, ...others] = LEFT_OUT[name] ?? [""];
    enter("field of a type without tp_traverse", untraversed, contents);
    enter("field that tp_traverse leaves out", leftOut, others);
  }
  return kinds;
}
