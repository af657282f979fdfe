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

/** An ELF module of the process that may be, or contain, the interpreter. */
export interface CandidateModule {
  readonly elf: ElfImage;
  readonly module: PythonModule;
}

/** A module that contains a CPython: found by its exported symbols, or by the one type that is its own type. */
export interface FoundModule extends CandidateModule {
  readonly typeType: number;
}

/** The ELF modules of a process, the executable first as it is mapped lowest or named first. */
export function elfModules(reader: MemoryReader, mappings: readonly Mapping[]): CandidateModule[] {
  const found: CandidateModule[] = [];
  const known = new Set<string>();
  for (const mapping of mappings) {
    if (mapping.offset !== 0 || mapping.inode === 0 || !mapping.permissions.startsWith("r") || known.has(mapping.path))
      continue;
    const elf = ElfImage.read(reader, mapping.start);
    if (elf === undefined) continue;
    known.add(mapping.path);
    const segments = elf.segments();
    if (segments.length === 0) continue;
    const dataRanges = segments.filter((segment) => segment.writable && segment.end - segment.start <= LARGEST_DATA_BYTES);
    found.push({
      elf,
      module: {
        path: mapping.path,
        base: mapping.start,
        start: Math.min(...segments.map((segment) => segment.start)),
        end: Math.max(...segments.map((segment) => segment.end)),
        dataRanges: dataRanges.map(({ start, end }) => ({ start, end })),
        buildId: elf.buildId(),
      },
    });
  }
  return found;
}

/**
 * Modules that export a `PyType_Type` which is the type of itself. An executable that is not position independent may hold a
 * copy of its library's `PyType_Type`; the library's own is then dead and does not pass.
 */
export function exportingModules(reader: MemoryReader, candidates: readonly CandidateModule[]): FoundModule[] {
  return candidates.flatMap((candidate) => {
    if (candidate.elf.symbolAddress("PyType_Type") === undefined) return [];
    const typeType = candidates
      .map((other) => other.elf.symbolAddress("PyType_Type"))
      .find((address) => address !== undefined && isTypeType(reader, address));
    return typeType === undefined ? [] : [{ ...candidate, typeType }];
  });
}

/** Modules with a `PyType_Type` in their static data that they do not export: programs that embed a static Python. */
export function embeddingModules(reader: MemoryReader, candidates: readonly CandidateModule[]): FoundModule[] {
  return candidates.flatMap((candidate) => {
    for (const window of dataWindows(reader, candidate.module)) {
      for (let address = window.start; address < window.end; address += 8) {
        if (window.pointer(address + OB_TYPE) === address && isTypeType(reader, address))
          return [{ ...candidate, typeType: address }];
      }
    }
    return [];
  });
}

/** Copies of a module's static data. */
export function dataWindows(reader: MemoryReader, module: PythonModule): MemoryWindow[] {
  return module.dataRanges.map(({ start, end }) => MemoryWindow.read(reader, start, end));
}

function isTypeType(reader: MemoryReader, address: number): boolean {
  return reader.u64(address + OB_TYPE) === address && reader.cString(reader.u64(address + TP_NAME), 16) === "type";
}
