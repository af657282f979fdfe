import { fail, type Result, succeed } from "../../../base/result.ts";
import type { Mapping } from "../../../target/mapping.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";
import { type Layout, layoutsFor, layoutVersions, loadLayout } from "../layouts/layout.ts";
import { detectDebugBytes, locatePymalloc } from "./allocators.ts";
import {
  findInterpreters,
  findStaticGenerations,
  type InterpreterList,
  interpretersOfRuntime,
  locateGc,
  walkInterpreters,
} from "./interpreters.ts";
import {
  type CandidateModule,
  dataWindows,
  elfModules,
  embeddingModules,
  exportingModules,
  type FoundModule,
} from "./module.ts";
import type { InterpreterLocation, PythonRuntime } from "./python-runtime.ts";
import { isFreeThreaded, layoutContradiction } from "./verify.ts";
import { detectVersion, type NamedVersion } from "./version.ts";

/** A running process may change a list while it is followed. */
const ATTEMPTS = 3;
const FALLBACK_HINT = "Its memory is accounted for by mappings and malloc only.";
/** Exported names begin so; others are not kept. */
const SYMBOL_PREFIXES = ["Py", "_Py"] as const;

/**
 * Finds the CPython of a process: its module, version, layout table, interpreters, collector and allocators.
 *
 * Made to be called on a running process before it is stopped; what it returns is addresses of static or long-lived
 * structures. `stillValid` checks them in the image. Costs a copy of the module's static data, no debug information, no file.
 *
 * @returns failure `not-cpython` when there is none, or none that is known; the hint says what works all the same
 */
export function locatePython(reader: MemoryReader, mappings: readonly Mapping[]): Result<PythonRuntime> {
  const candidates = elfModules(reader, mappings);
  const exporting = exportingModules(reader, candidates);
  const found = exporting.length > 0 ? exporting : embeddingModules(reader, candidates);
  let failure = fail("not-cpython", "No CPython interpreter was found in the process.", FALLBACK_HINT);
  for (const module of found) {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const located = locateInModule(reader, mappings, candidates, module);
      if (located.ok) return located;
      failure = located;
    }
  }
  return failure;
}

/**
 * Checks, in an image taken later, that the interpreters are still where they were, and returns the runtime with those that exist
 * now: a sub-interpreter may have come or gone, an exec may have replaced everything.
 */
export function relocateInterpreters(
  runtime: PythonRuntime,
  reader: MemoryReader,
  mappings: readonly Mapping[],
): PythonRuntime | undefined {
  const { layout, typeType, module } = runtime;
  const addresses = walkInterpreters(reader, layout, typeType, reader.u64(runtime.interpretersHeadAddress));
  if (addresses.length === 0) return undefined;
  const known = runtime.interpreters.map((interpreter) => interpreter.address);
  const unchanged = addresses.length === known.length && addresses.every((address, index) => address === known[index]);
  const hasArenas = runtime.pymalloc.states.every((state) => state.arenasPointerAddress !== undefined);
  if (unchanged && hasArenas) return runtime;
  const staticGenerations = layout.has("_gc_runtime_state") ? undefined : runtime.interpreters[0].gc.generationsAddress;
  const interpreters = describeInterpreters(
    reader,
    layout,
    { headAddress: 0, runtimeAddress: runtime.runtimeAddress, addresses },
    staticGenerations,
  );
  if (interpreters === undefined) return undefined;
  const pymalloc = locatePymalloc(reader, layout, module, dataWindows(reader, module), mappings, addresses);
  return { ...runtime, interpreters, pymalloc };
}

function locateInModule(
  reader: MemoryReader,
  mappings: readonly Mapping[],
  candidates: readonly CandidateModule[],
  found: FoundModule,
): Result<PythonRuntime> {
  const { elf, module, typeType } = found;
  const windows = dataWindows(reader, module);
  const version = detectVersion(reader, elf, windows);
  const symbol = symbolTable(candidates, found);
  const runtimeSymbol = symbol("_PyRuntime");
  const name = version === undefined ? "a CPython of unknown version" : `CPython ${version.text}`;
  if (runtimeSymbol !== undefined && isFreeThreaded(reader, runtimeSymbol)) {
    return fail(
      "not-cpython",
      `The process runs ${name} built without the global interpreter lock, which is not supported yet.`,
      FALLBACK_HINT,
    );
  }
  const layouts = version === undefined ? layoutVersions().map(loadLayout).reverse() : layoutsFor(version);
  if (layouts.length === 0)
    return fail("not-cpython", `The process runs ${name}, for which there is no layout table.`, FALLBACK_HINT);
  let reason = "it has no running interpreter";
  for (const layout of layouts) {
    const list = interpreterList(reader, layout, typeType, runtimeSymbol, windows);
    if (list === undefined) continue;
    const contradiction = layoutContradiction(reader, layout, typeType, list.runtimeAddress, symbol);
    if (contradiction !== undefined) {
      reason = contradiction;
      continue;
    }
    if (list.runtimeAddress !== undefined && isFreeThreaded(reader, list.runtimeAddress)) {
      return fail(
        "not-cpython",
        `The process runs ${name} built without the global interpreter lock, which is not supported yet.`,
        FALLBACK_HINT,
      );
    }
    const interpreters = describeInterpreters(
      reader,
      layout,
      list,
      findStaticGenerations(reader, layout, symbol("_PyGC_generation0"), windows),
    );
    if (interpreters === undefined) {
      reason = "its garbage collector's state was not recognised";
      continue;
    }
    return succeed({
      module,
      version: version ?? versionOf(layout),
      versionNote: noteFor(version, layout),
      layout,
      typeType,
      runtimeAddress: list.runtimeAddress,
      interpretersHeadAddress: list.headAddress,
      interpreters,
      pymalloc: locatePymalloc(reader, layout, module, windows, mappings, list.addresses),
      debugBytes: detectDebugBytes(reader, layout, list.addresses[list.addresses.length - 1]),
      // Only builds with reference-count debugging export the function that their DECREF calls.
      debugBuild: symbol("_Py_NegativeRefcount") !== undefined,
      symbol,
    });
  }
  return fail("not-cpython", `The process contains ${name}, but ${reason}.`, FALLBACK_HINT);
}

function interpreterList(
  reader: MemoryReader,
  layout: Layout,
  typeType: number,
  runtimeSymbol: number | undefined,
  windows: readonly MemoryWindow[],
): InterpreterList | undefined {
  if (runtimeSymbol !== undefined) return interpretersOfRuntime(reader, layout, typeType, runtimeSymbol);
  return findInterpreters(reader, layout, typeType, windows);
}

function describeInterpreters(
  reader: MemoryReader,
  layout: Layout,
  list: InterpreterList,
  staticGenerations: number | undefined,
): InterpreterLocation[] | undefined {
  const interpreters: InterpreterLocation[] = [];
  for (const [index, address] of list.addresses.entries()) {
    const gc = locateGc(reader, layout, list.runtimeAddress, address, staticGenerations);
    if (gc === undefined) return undefined;
    const id = layout.has("PyInterpreterState", "id")
      ? reader.i64(address + layout.offset("PyInterpreterState", "id"))
      : list.addresses.length - 1 - index;
    interpreters.push({ address, id, gc });
  }
  return interpreters;
}

/**
 * Symbols of the executable come first, as for the dynamic linker: it may hold copies of its library's variables.
 * They are read now, because the process may be gone when somebody asks.
 */
function symbolTable(candidates: readonly CandidateModule[], found: FoundModule): (name: string) => number | undefined {
  const own = found.elf.symbolsWithPrefix(SYMBOL_PREFIXES);
  const executable = candidates[0];
  const overriding =
    executable === undefined || executable.module.base === found.module.base
      ? undefined
      : executable.elf.symbolsWithPrefix(SYMBOL_PREFIXES);
  return (name) => (overriding?.get(name) ?? own.get(name))?.address;
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
