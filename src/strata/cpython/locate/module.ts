import { ElfImage } from "../../../binary/elf-image.ts";
import type { Mapping } from "../../../target/mapping.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import { MemoryWindow } from "../../../target/memory-window.ts";
import type { PythonModule } from "./python-runtime.ts";

/** `PyType_Type` begins like every object: reference count, type. Its name is the first field after the header (2.7 to 3.15). */
const OB_TYPE = 8;
const TP_NAME = 24;
/** Static data of one module is smaller than this; larger ranges are not scanned. */
const LARGEST_DATA_BYTES = 64 * 2 ** 20;

/** What a module's name looks like that is an interpreter or its library. */
const NAMED_PYTHON = /python/i;

export interface ElfModule {
  readonly path: string;
  readonly elf: ElfImage;
}

/** A module that contains a CPython: found by its exported symbols, or by the one type that is its own type. */
export interface FoundModule {
  readonly elf: ElfImage;
  readonly module: PythonModule;
  readonly typeType: number;
}

/** The ELF modules of a process; those whose name says Python first, because there it usually is. */
export function elfModules(reader: MemoryReader, mappings: readonly Mapping[]): ElfModule[] {
  const found: ElfModule[] = [];
  const known = new Set<string>();
  for (const mapping of mappings) {
    const { path, start, permissions } = mapping;
    if (mapping.offset !== 0 || mapping.inode === 0 || !permissions.startsWith("r") || known.has(path)) continue;
    const elf = ElfImage.read(reader, start);
    if (elf === undefined) continue;
    known.add(path);
    found.push({ path, elf });
  }
  return found.sort((left, right) => Number(NAMED_PYTHON.test(right.path)) - Number(NAMED_PYTHON.test(left.path)));
}

/** The process's executable, by its program headers: a module with an interpreter segment is started, not loaded. */
export function executableOf(modules: readonly ElfModule[]): ElfModule | undefined {
  return modules.find(({ elf }) => elf.isExecutable());
}

/**
 * Modules that export a `PyType_Type` which is the type of itself. An executable that is not position independent may hold a
 * copy of its library's `PyType_Type`; the library's own is then dead and does not pass.
 */
export function* exportingModules(reader: MemoryReader, modules: readonly ElfModule[]): Generator<FoundModule> {
  const copy = executableOf(modules)?.elf.symbolAddress("PyType_Type");
  for (const module of modules) {
    const own = module.elf.symbolAddress("PyType_Type");
    if (own === undefined) continue;
    const typeType = [copy, own].find((address) => address !== undefined && isTypeType(reader, address));
    if (typeType !== undefined) yield { ...describe(module), typeType };
  }
}

/** Modules with a `PyType_Type` in their static data that they do not export: programs that embed a static Python. */
export function* embeddingModules(reader: MemoryReader, modules: readonly ElfModule[]): Generator<FoundModule> {
  for (const candidate of modules) {
    const found = describe(candidate);
    const typeType = findTypeType(reader, dataWindows(reader, found.module));
    if (typeType !== undefined) yield { ...found, typeType };
  }
}

function findTypeType(reader: MemoryReader, windows: readonly MemoryWindow[]): number | undefined {
  for (const window of windows) {
    for (let slot = window.nextPointer(window.start); slot < window.end; slot = window.nextPointer(slot + 8)) {
      const address = slot - OB_TYPE;
      if (window.pointer(slot) === address && isTypeType(reader, address)) return address;
    }
  }
  return undefined;
}

function describe({ path, elf }: ElfModule): { readonly elf: ElfImage; readonly module: PythonModule } {
  const segments = elf.segments();
  const data = segments.filter((segment) => segment.writable && segment.end - segment.start <= LARGEST_DATA_BYTES);
  const module: PythonModule = {
    path,
    base: elf.base,
    start: Math.min(...segments.map((segment) => segment.start)),
    end: Math.max(...segments.map((segment) => segment.end)),
    dataRanges: data.map(({ start, end }) => ({ start, end })),
    buildId: elf.buildId(),
  };
  return { elf, module };
}

/** Copies of a module's static data. */
export function dataWindows(reader: MemoryReader, module: PythonModule): MemoryWindow[] {
  return module.dataRanges.map(({ start, end }) => MemoryWindow.read(reader, start, end));
}

function isTypeType(reader: MemoryReader, address: number): boolean {
  return reader.u64(address + OB_TYPE) === address && reader.cString(reader.u64(address + TP_NAME), 16) === "type";
}
