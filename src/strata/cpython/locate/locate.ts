import { fail, type Result, succeed } from "../../../base/result.ts";
import type { Mapping } from "../../../target/mapping.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";
import { type Layout, layoutsFor, layoutVersions, loadLayout } from "../layouts/layout.ts";
import { detectDebugBytes, locatePymalloc } from "./allocators.ts";
import { describeInterpreters, findStaticGenerations } from "./collector.ts";
import {
  findInterpreters,
  type InterpreterList,
  interpretersOfAccessor,
  interpretersOfRuntime,
  walkInterpreters,
} from "./interpreters.ts";
import {
  dataWindows,
  type ElfModule,
  elfModules,
  embeddingModules,
  executableOf,
  exportingModules,
  type FoundModule,
} from "./module.ts";
import type { PythonRuntime } from "./python-runtime.ts";
import { staticTypes } from "./static-types.ts";
import { isFreeThreaded, layoutContradiction } from "./verify.ts";
import { detectVersion, type NamedVersion } from "./version.ts";

/** A running process may change a list while it is followed. */
const ATTEMPTS = 3;
const FALLBACK_HINT = "Its memory is accounted for by mappings and malloc only.";
/** Exported names begin so; others are not kept. */
const SYMBOL_PREFIXES = ["Py", "_Py"] as const;

/** What is known of a module that contains a CPython, before a layout table is chosen. */
interface Evidence {
  readonly reader: MemoryReader;
  readonly found: FoundModule;
  readonly windows: readonly MemoryWindow[];
  readonly version: NamedVersion | undefined;
  symbol(name: string): number | undefined;
}

/**
 * Finds the CPython of a process: its module, version, layout table, interpreters and collectors. Costs a copy of the module's
 * static data; needs no debug information, no symbols, no file.
 *
 * Made to be called on a running process before it is stopped: what it finds are addresses of structures that live as long as the
 * interpreter. Once stopped, `relocateInterpreters` verifies them and finds the allocators.
 *
 * @param forget makes the reader drop what it remembers, so that another attempt sees the process anew
 * @returns failure `not-cpython` when there is none, or none that is known; the hint says what works all the same
 */
export function locatePython(
  reader: MemoryReader,
  mappings: readonly Mapping[],
  forget: () => void = () => {},
): Result<PythonRuntime> {
  const modules = elfModules(reader, mappings);
  let failure = fail("not-cpython", "No CPython interpreter was found in the process.", FALLBACK_HINT);
  // A program with a static interpreter of its own may have loaded a libpython too, for an extension module that wants one.
  for (const findModules of [exportingModules, embeddingModules]) {
    for (const found of findModules(reader, modules)) {
      const located = locateInModule(reader, executableOf(modules), found, forget);
      if (located.ok) return located;
      failure = located;
    }
  }
  return failure;
}

/**
 * The runtime as it is in an image that was taken later: the interpreters that exist now (a sub-interpreter may have come or gone)
 * and the allocators, which are found here because they stand still. Undefined when nothing is where it was: the process has
 * replaced its program.
 */
export function relocateInterpreters(
  runtime: PythonRuntime,
  reader: MemoryReader,
  mappings: readonly Mapping[],
): PythonRuntime | undefined {
  const { layout, typeType, module, runtimeAddress } = runtime;
  const addresses = walkInterpreters(reader, layout, typeType, reader.u64(runtime.interpretersHeadAddress));
  if (addresses.length === 0) return undefined;
  const interpreters = describeInterpreters(
    reader,
    layout,
    runtimeAddress,
    addresses,
    runtime.interpreters[0].gc.generationsAddress,
  );
  if (interpreters === undefined) return undefined;
  const pymalloc = locatePymalloc(reader, layout, module, dataWindows(reader, module), mappings, addresses);
  return { ...runtime, interpreters, pymalloc };
}

function locateInModule(
  reader: MemoryReader,
  executable: ElfModule | undefined,
  found: FoundModule,
  forget: () => void,
): Result<PythonRuntime> {
  const windows = dataWindows(reader, found.module);
  const symbol = symbolTable(reader, executable, found, windows);
  const version = detectVersion(reader, found.elf, windows);
  const name = version === undefined ? "a CPython of unknown version" : `CPython ${version.text}`;
  const runtimeAddress = symbol("_PyRuntime");
  if (runtimeAddress !== undefined && isFreeThreaded(reader, runtimeAddress)) {
    return fail(
      "not-cpython",
      `The process runs ${name} without the global interpreter lock, which is not supported yet.`,
      FALLBACK_HINT,
    );
  }
  const layouts = version === undefined ? layoutVersions().map(loadLayout).reverse() : layoutsFor(version);
  if (layouts.length === 0)
    return fail("not-cpython", `The process runs ${name}, for which there is no layout table.`, FALLBACK_HINT);

  let reason = "no running interpreter was found in it";
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (const layout of layouts) {
      const result = tryLayout({ reader, found, windows, version, symbol }, layout);
      if (typeof result !== "string") return succeed(result);
      reason = result;
    }
    forget();
  }
  return fail("not-cpython", `The process contains ${name}, but ${reason}.`, FALLBACK_HINT);
}

/** The runtime as a table describes it, or why the table does not describe it. */
function tryLayout({ reader, found, windows, version, symbol }: Evidence, layout: Layout): PythonRuntime | string {
  const { typeType, module } = found;
  const list = interpreterList(reader, layout, typeType, windows, symbol);
  if (list === undefined) return "no running interpreter was found in it";
  const contradiction = layoutContradiction(reader, layout, typeType, list.runtimeAddress, symbol);
  if (contradiction !== undefined) return contradiction;
  const staticGenerations = findStaticGenerations(reader, layout, symbol("_PyGC_generation0"), windows);
  const interpreters = describeInterpreters(reader, layout, list.runtimeAddress, list.addresses, staticGenerations);
  if (interpreters === undefined) return "the state of its garbage collector was not recognised";
  return {
    module,
    version: version ?? versionOf(layout),
    versionNote: noteFor(version, layout),
    layout,
    typeType,
    runtimeAddress: list.runtimeAddress,
    interpretersHeadAddress: list.headAddress,
    interpreters,
    pymalloc: { alignment: 16, states: [] },
    debugBytes: detectDebugBytes(reader, layout, list.addresses[list.addresses.length - 1]),
    // Only builds with reference-count debugging export the function that their DECREF calls.
    debugBuild: symbol("_Py_NegativeRefcount") !== undefined,
    symbol,
  };
}

function interpreterList(
  reader: MemoryReader,
  layout: Layout,
  typeType: number,
  windows: readonly MemoryWindow[],
  symbol: (name: string) => number | undefined,
): InterpreterList | undefined {
  const runtimeAddress = symbol("_PyRuntime");
  if (runtimeAddress !== undefined) return interpretersOfRuntime(reader, layout, typeType, runtimeAddress);
  const accessor = symbol("PyInterpreterState_Head");
  const list = accessor === undefined ? undefined : interpretersOfAccessor(reader, layout, typeType, accessor);
  return list ?? findInterpreters(reader, layout, typeType, windows);
}

/**
 * Symbols of the executable come first, as for the dynamic linker: it may hold copies of its library's variables.
 * They are read now, because the process may be gone when somebody asks. A module that exports nothing answers for its types.
 */
function symbolTable(
  reader: MemoryReader,
  executable: ElfModule | undefined,
  found: FoundModule,
  windows: readonly MemoryWindow[],
): (name: string) => number | undefined {
  const own = found.elf.symbolsWithPrefix(SYMBOL_PREFIXES);
  const isOther = executable !== undefined && executable.elf.base !== found.module.base;
  const overriding = isOther ? executable.elf.symbolsWithPrefix(SYMBOL_PREFIXES) : undefined;
  const types = own.has("PyType_Type") ? undefined : staticTypes(reader, windows, found.typeType);
  return (name) => (overriding?.get(name) ?? own.get(name))?.address ?? types?.get(name);
}

function versionOf(layout: Layout): NamedVersion {
  const [major, minor, micro] = layout.version.split(".").map(Number);
  return { major, minor, micro, text: `${major}.${minor}` };
}

function noteFor(version: NamedVersion | undefined, layout: Layout): string | undefined {
  if (version === undefined) return `The version was not found; the structures of CPython ${layout.version} fit.`;
  if (version.text === layout.version) return undefined;
  return `The structures of CPython ${layout.version} are used for ${version.text}; they fit.`;
}
