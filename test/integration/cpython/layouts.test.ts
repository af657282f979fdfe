import assert from "node:assert/strict";
import { layoutsFor } from "../../../src/strata/cpython/layouts/layout.ts";
import { testOnEveryPython } from "../../support/pythons.ts";
import { startTarget } from "../../support/spawn.ts";

/** Expression for a type, and the structure of its instances: tp_basicsize is sizeof. */
const INSTANCES: Readonly<Record<string, string>> = {
  type: "PyHeapTypeObject",
  dict: "PyDictObject",
  list: "PyListObject",
  set: "PySetObject",
  str: "PyUnicodeObject",
  float: "PyFloatObject",
  complex: "PyComplexObject",
  bytearray: "PyByteArrayObject",
  slice: "PySliceObject",
  property: "propertyobject",
  super: "superobject",
  enumerate: "enumobject",
  range: "rangeobject",
  zip: "zipobject",
  map: "mapobject",
  OSError: "PyOSErrorObject",
  BaseException: "PyBaseExceptionObject",
  "types.FunctionType": "PyFunctionObject",
  "types.MethodType": "PyMethodObject",
  "types.BuiltinFunctionType": "PyCFunctionObject",
  "types.ModuleType": "PyModuleObject",
  "types.MappingProxyType": "mappingproxyobject",
  "type((lambda x: lambda: x)(1).__closure__[0])": "PyCellObject",
  "weakref.ref": "PyWeakReference",
  "collections.OrderedDict": "PyODictObject",
  "collections.deque": "dequeobject",
  "collections.defaultdict": "defdictobject",
  "type(functools.lru_cache()(print))": "lru_cache_object",
  "functools.partial": "partialobject",
  "itertools.product": "productobject",
  "itertools.chain": "chainobject",
  "itertools.islice": "isliceobject",
  "itertools.groupby": "groupbyobject",
  "io.BufferedReader": "buffered",
  "io.TextIOWrapper": "textio",
  "io.StringIO": "stringio",
  "io.BytesIO": "bytesio",
  "struct.Struct": "PyStructObject",
  "array.array": "arrayobject",
  "_asyncio.Task": "TaskObj",
  "_asyncio.Future": "FutureObj",
  "xml.etree.ElementTree.Element": "ElementObject",
  "_pickle.Pickler": "PicklerObject",
  "decimal.Decimal": "PyDecObject",
  "sqlite3.Connection": "pysqlite_Connection",
  "sqlite3.Cursor": "pysqlite_Cursor",
  "datetime.datetime": "PyDateTime_DateTime",
  "mmap.mmap": "mmap_object",
  "select.epoll": "pyEpoll_Object",
  "_socket.socket": "PySocketSockObject",
};

testOnEveryPython("sizes of structures are what the types say", async (t, python) => {
  const code = `
import _asyncio, _pickle, _socket, array, collections, datetime, decimal, functools, io, itertools, json, mmap, select
import sqlite3, struct, sys, types, weakref, xml.etree.ElementTree
print(json.dumps([eval(text).__basicsize__ for text in json.loads(${JSON.stringify(JSON.stringify(Object.keys(INSTANCES)))})]))
input()`;
  const target = startTarget(t, python, code);
  const sizes = JSON.parse(await target.line()) as number[];
  const [major, minor, micro] = python.version.split(".").map(Number);
  const [layout] = layoutsFor({ major, minor, micro });
  const said = Object.fromEntries(
    Object.entries(INSTANCES).map(([type, structure], index) => [`${type}: ${structure}`, sizes[index]]),
  );
  const known = Object.fromEntries(
    Object.entries(INSTANCES).map(([type, structure]) => [
      `${type}: ${structure}`,
      layout.has(structure) ? layout.size(structure) : undefined,
    ]),
  );
  assert.deepEqual(known, said);
});
