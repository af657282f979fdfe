/** Who holds objects although no object refers to them: the state of interpreters, of the runtime, of threads. */
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import { importedModules } from "./imported-modules.ts";
import type { InternedStrings } from "./interned.ts";
import type { RootPointer } from "./root-pointer.ts";
import { interpreterRoots } from "./roots-interpreter.ts";
import { runtimeRoots } from "./roots-runtime.ts";
import { staticRoots } from "./roots-static.ts";
import { threadRoots } from "./roots-threads.ts";
import { readStr } from "./text.ts";
import type { PythonThread } from "./threads.ts";

/**
 * Roots of all interpreters, modules first. Addresses are pointers as they stand in the state: whoever knows the objects
 * drops those at which no object begins.
 *
 * @param threads of `readThreads`: `owner` of a thread's root is the index in it
 */
export function readRoots(
  runtime: PythonRuntime,
  reader: MemoryReader,
  threads: readonly PythonThread[],
  interned: readonly InternedStrings[],
): RootPointer[] {
  const isInterned = new Set(interned.map(({ dict }) => dict));
  const roots: RootPointer[] = [];
  for (const interpreter of runtime.interpreters.keys()) roots.push(...moduleRoots(runtime, reader, interpreter));
  for (const interpreter of runtime.interpreters.keys()) {
    // The table of interned strings is a field of the state from 3.12; it has a kind of its own.
    const fields = interpreterRoots(runtime, reader, interpreter).filter(({ address }) => !isInterned.has(address));
    roots.push(...fields);
  }
  roots.push(...runtimeRoots(runtime, reader), ...staticRoots(runtime, reader));
  for (const [index, thread] of threads.entries()) roots.push(...threadRoots(runtime, reader, thread, index));
  for (const { interpreter, dict } of interned) {
    roots.push({ kind: "interned", address: dict, owner: interpreter, frame: -1, name: "interned strings", counted: true });
  }
  return roots;
}

/** Entries of sys.modules. The dictionary counts them. */
function moduleRoots(runtime: PythonRuntime, reader: MemoryReader, interpreter: number): RootPointer[] {
  return importedModules(runtime, reader, interpreter).map(({ key, module }) => ({
    kind: "module",
    address: module,
    owner: interpreter,
    frame: -1,
    name: readStr(reader, runtime.layout, key) ?? "",
    counted: false,
  }));
}
