/**
 * How Python reaches the fields of its own types' instances: structure of the layout tables, and the attribute for each field
 * (CPython Objects/*.c, Modules/*.c, tp_members and tp_getset, 3.6–3.13). What no attribute reaches keeps the field's name in
 * angle brackets, which is no expression.
 */

export interface KnownFields {
  /** Structures that the version may call it by; the first one that it has counts. */
  readonly structures: readonly string[];
  /** Attribute by field; fields that are not named here have no attribute. */
  readonly attributes: Readonly<Record<string, string>>;
}

function known(structures: string | readonly string[], attributes: Readonly<Record<string, string>> = {}): KnownFields {
  return { structures: typeof structures === "string" ? [structures] : structures, attributes };
}

/** Fields that are called as their attribute. */
function same(...names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, name]));
}

const DESCRIPTOR = known("PyDescrObject", { d_type: "__objclass__", d_name: "__name__", d_qualname: "__qualname__" });
const REFERENCE = known("PyWeakReference", { wr_callback: "__callback__" });
const BUFFERED = known("buffered", { raw: "raw", dict: "__dict__" });

/** `_asyncio.Future` and `.Task` share their first fields under two prefixes. */
function future(structure: string, prefix: string): KnownFields {
  const fields = { loop: "_loop", exception: "_exception", result: "_result", source_tb: "_source_traceback" };
  const shared = Object.entries(fields).map(([field, attribute]) => [`${prefix}_${field}`, attribute]);
  const task = { task_coro: "_coro", task_fut_waiter: "_fut_waiter" };
  return known(structure, { ...Object.fromEntries(shared), ...task, dict: "__dict__" });
}

/** By tp_name of the type. */
export const KNOWN_FIELDS: ReadonlyMap<string, KnownFields> = new Map(
  Object.entries({
    function: known("PyFunctionObject", {
      func_globals: "__globals__",
      func_builtins: "__builtins__",
      func_name: "__name__",
      func_qualname: "__qualname__",
      func_code: "__code__",
      func_defaults: "__defaults__",
      func_kwdefaults: "__kwdefaults__",
      func_closure: "__closure__",
      func_doc: "__doc__",
      func_dict: "__dict__",
      func_module: "__module__",
      func_annotations: "__annotations__",
      func_typeparams: "__type_params__",
    }),
    method: known("PyMethodObject", { im_func: "__func__", im_self: "__self__" }),
    builtin_function_or_method: known(["PyCMethodObject", "PyCFunctionObject"], {
      m_self: "__self__",
      m_module: "__module__",
      "func.m_self": "__self__",
      "func.m_module": "__module__",
    }),
    method_descriptor: DESCRIPTOR,
    classmethod_descriptor: DESCRIPTOR,
    member_descriptor: DESCRIPTOR,
    getset_descriptor: DESCRIPTOR,
    wrapper_descriptor: DESCRIPTOR,
    "method-wrapper": known("wrapperobject", { self: "__self__" }),
    cell: known("PyCellObject", { ob_ref: "cell_contents" }),
    code: known(
      "PyCodeObject",
      same(
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
      ),
    ),
    module: known("PyModuleObject", { md_dict: "__dict__" }),
    generator: known("PyGenObject", { ...same("gi_frame", "gi_code"), gi_name: "__name__", gi_qualname: "__qualname__" }),
    coroutine: known("PyCoroObject", {
      ...same("cr_frame", "cr_code", "cr_origin"),
      cr_name: "__name__",
      cr_qualname: "__qualname__",
    }),
    async_generator: known("PyAsyncGenObject", {
      ...same("ag_frame", "ag_code"),
      ag_name: "__name__",
      ag_qualname: "__qualname__",
    }),
    frame: known("PyFrameObject", same("f_back", "f_code", "f_builtins", "f_globals", "f_locals", "f_trace")),
    traceback: known("PyTracebackObject", same("tb_next", "tb_frame")),
    type: known("PyTypeObject", { tp_base: "__base__", tp_dict: "__dict__", tp_bases: "__bases__", tp_mro: "__mro__" }),
    property: known(["_PyPropertyObject", "propertyobject"], {
      prop_get: "fget",
      prop_set: "fset",
      prop_del: "fdel",
      prop_doc: "__doc__",
    }),
    staticmethod: known("staticmethod", { sm_callable: "__func__", sm_dict: "__dict__" }),
    classmethod: known("classmethod", { cm_callable: "__func__", cm_dict: "__dict__" }),
    mappingproxy: known("mappingproxyobject"),
    super: known("superobject", { type: "__thisclass__", obj: "__self__", obj_type: "__self_class__" }),
    slice: known("PySliceObject", same("start", "stop", "step")),
    range: known("rangeobject", same("start", "stop", "step")),
    memoryview: known("PyMemoryViewObject", { "view.obj": "obj" }),
    weakref: REFERENCE,
    "weakref.ReferenceType": REFERENCE,
    weakproxy: known("PyWeakReference"),
    weakcallableproxy: known("PyWeakReference"),
    "weakref.ProxyType": known("PyWeakReference"),
    "weakref.CallableProxyType": known("PyWeakReference"),
    BaseException: known("PyBaseExceptionObject", {
      dict: "__dict__",
      args: "args",
      traceback: "__traceback__",
      context: "__context__",
      cause: "__cause__",
    }),
    "types.SimpleNamespace": known("_PyNamespaceObject", { ns_dict: "__dict__" }),
    "types.GenericAlias": known("gaobject", { origin: "__origin__", args: "__args__", parameters: "__parameters__" }),
    "types.UnionType": known("unionobject", { args: "__args__", parameters: "__parameters__" }),
    "collections.defaultdict": known("defdictobject", { default_factory: "default_factory" }),
    "collections.OrderedDict": known("PyODictObject", { od_inst_dict: "__dict__" }),
    "functools.partial": known("partialobject", { fn: "func", args: "args", kw: "keywords", dict: "__dict__" }),
    "functools._lru_cache_wrapper": known("lru_cache_object", { func: "__wrapped__", dict: "__dict__" }),
    "_asyncio.Future": future("FutureObj", "fut"),
    "_asyncio.Task": future("TaskObj", "task"),
    "_io.BufferedReader": BUFFERED,
    "_io.BufferedWriter": BUFFERED,
    "_io.BufferedRandom": BUFFERED,
    "_io.TextIOWrapper": known("textio", { ...same("buffer", "encoding", "errors"), dict: "__dict__" }),
    "_io.FileIO": known("fileio", { dict: "__dict__" }),
    "_io.BytesIO": known("bytesio", { dict: "__dict__" }),
    "_io.StringIO": known("stringio", { dict: "__dict__" }),
    "_thread._local": known("localobject"),
    "re.Pattern": known("PatternObject", { pattern: "pattern" }),
    "_sre.SRE_Pattern": known("PatternObject", { pattern: "pattern" }),
    "re.Match": known("MatchObject", { string: "string", pattern: "re" }),
    "_sre.SRE_Match": known("MatchObject", { string: "string", pattern: "re" }),
    "sqlite3.Connection": known("pysqlite_Connection", same("isolation_level", "row_factory", "text_factory")),
    "sqlite3.Cursor": known("pysqlite_Cursor", same("connection", "description", "row_factory")),
    "xml.etree.ElementTree.Element": known("ElementObject", { tag: "tag" }),
    "datetime.datetime": known("PyDateTime_DateTime", { tzinfo: "tzinfo" }),
    "datetime.time": known("PyDateTime_Time", { tzinfo: "tzinfo" }),
  }),
);

/** What a frame of 3.11 and later owns, inside a frame object, generator or coroutine; `f_…` is an attribute of the frame object. */
export const FRAME_STRUCTURE = "_PyInterpreterFrame";
/** Where the frame lies in such an object. */
export const FRAME_HOLDERS: ReadonlyMap<string, readonly [structure: string, field: string, code: string]> = new Map([
  ["frame", ["PyFrameObject", "_f_frame_data", "f_code"]],
  ["generator", ["PyGenObject", "gi_iframe", "gi_code"]],
  ["coroutine", ["PyCoroObject", "cr_iframe", "cr_code"]],
  ["async_generator", ["PyAsyncGenObject", "ag_iframe", "ag_code"]],
]);
