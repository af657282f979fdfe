/** What an interpreter has imported. */
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { PythonRuntime } from "../locate/python-runtime.ts";
import { dictEntries } from "./dict-entries.ts";

/** More entries of sys.modules than any program has. */
const MOST_MODULES = 1 << 20;

/** Entries of an interpreter's sys.modules: addresses of key and value; whatever a program put there, modules or not. */
export function importedModules(
  { layout, interpreters, symbol }: PythonRuntime,
  reader: MemoryReader,
  interpreter: number,
): { readonly key: number; readonly module: number }[] {
  const field = layout.has("PyInterpreterState", "imports.modules") ? "imports.modules" : "modules";
  const modules = reader.u64(interpreters[interpreter].address + layout.offset("PyInterpreterState", field));
  const entries = dictEntries(reader, layout, modules);
  const none = symbol("_Py_NoneStruct");
  const found: { key: number; module: number }[] = [];
  for (let entry = 0; entry < Math.min(entries?.length ?? 0, MOST_MODULES); entry++) {
    const module = entries?.value(entry) ?? 0;
    // None in sys.modules says that there is no such module.
    if (module !== 0 && module !== none) found.push({ key: entries?.key(entry) ?? 0, module });
  }
  return found;
}
