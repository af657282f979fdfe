import { MIB } from "../../base/units.ts";
import type { Mapping } from "../../target/mapping.ts";
import { splitDeleted } from "../../target/proc/maps.ts";
import type { Library } from "./os-stratum.ts";

/** True for a mapping that a file on a file system backs; pseudo names such as `[heap]` and anonymous memory are none. */
export function isFileMapping(mapping: Mapping): boolean {
  return mapping.inode !== 0 && mapping.path.startsWith("/");
}

/** Largest alignment that linkers give segments on x86-64 (max-page-size 2 MiB). */
const LARGEST_HOLE_BYTES = 2 * MIB;

/** The libraries of an address space and which mapping belongs to which. */
export interface LibraryIndex {
  readonly libraries: readonly Library[];
  /** For each mapping its library, -1 when it has none. */
  readonly ofMapping: Int32Array;
}

/**
 * Finds executables and shared objects: files with at least one private executable mapping. A file is known by device and
 * inode and not by its path, so that a library that was upgraded and loaded again while the process ran counts as two.
 */
export function findLibraries(mappings: readonly Mapping[]): LibraryIndex {
  const executable = new Set<string>();
  for (const mapping of mappings) if (isCode(mapping)) executable.add(fileKey(mapping));

  const byFile = new Map<string, number>();
  const found: {
    readonly path: string;
    readonly deleted: boolean;
    readonly start: number;
    end: number;
    readonly starts: number[];
  }[] = [];
  const ofMapping = new Int32Array(mappings.length).fill(-1);
  for (const [index, mapping] of mappings.entries()) {
    const key = fileKey(mapping);
    if (!isFileMapping(mapping) || !executable.has(key)) continue;
    let library = byFile.get(key);
    if (library === undefined) {
      library = found.push({ ...splitDeleted(mapping.path), start: mapping.start, end: mapping.end, starts: [] }) - 1;
      byFile.set(key, library);
    }
    const known = found[library];
    if (mapping.offset === 0) known.starts.push(mapping.start);
    // Segments follow each other, but for holes that only a large alignment leaves; another copy may lie anywhere.
    if (known.starts.length <= 1 && mapping.start - known.end <= LARGEST_HOLE_BYTES) known.end = mapping.end;
    ofMapping[index] = library;
  }
  const names = distinctNames(found.map((library) => library.path));
  return { libraries: found.map((library, index) => ({ ...library, name: names[index] })), ofMapping };
}

/** The file names under which dynamic loaders are mapped: `ld-linux-x86-64.so.2`, `ld-2.31.so`, `ld-musl-x86_64.so.1`. */
export function isDynamicLoader(library: Library): boolean {
  return /^ld[-.]/.test(library.name.slice(library.name.lastIndexOf("/") + 1));
}

/** Shared executable mappings are code that a JIT or libffi writes through another mapping, not a library. */
function isCode(mapping: Mapping): boolean {
  if (/^\/(anon_hugepage|dev\/zero)/.test(mapping.path)) return false; // anonymous memory under another name
  return isFileMapping(mapping) && mapping.permissions[2] === "x" && mapping.permissions[3] === "p";
}

function fileKey(mapping: Mapping): string {
  return `${mapping.device} ${mapping.inode}`;
}

/** Base names; where two are equal the folder's name goes before them, and where that does not help, a number behind. */
function distinctNames(paths: readonly string[]): string[] {
  const short = countOf(paths.map((path) => lastParts(path, 1)));
  const names = paths.map((path) => lastParts(path, short.get(lastParts(path, 1)) === 1 ? 1 : 2));
  const total = countOf(names);
  const seen = new Map<string, number>();
  return names.map((name) => {
    const number = (seen.get(name) ?? 0) + 1;
    seen.set(name, number);
    return total.get(name) === 1 ? name : `${name} #${number}`;
  });
}

function countOf(names: readonly string[]): Map<string, number> {
  const count = new Map<string, number>();
  for (const name of names) count.set(name, (count.get(name) ?? 0) + 1);
  return count;
}

function lastParts(path: string, parts: number): string {
  return path.split("/").slice(-parts).join("/");
}
