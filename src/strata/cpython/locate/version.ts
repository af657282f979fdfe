import type { ElfImage } from "../../../binary/elf-image.ts";
import type { MemoryReader } from "../../../target/memory-reader.ts";
import type { MemoryWindow } from "../../../target/memory-window.ts";
import type { PythonVersion } from "../layouts/layout.ts";

/**
 * What `Py_GetVersion` has written into its static buffer at start-up: `3.9.18 (main, Aug 24 2023, …) \n[GCC …]`; some
 * distributions put their name between version and build: `3.9.7 | packaged by conda-forge | (default, …)`.
 */
const VERSION_BUFFER =
  /(?<![\w.])(\d)\.(\d{1,2})\.(\d{1,3})((?:a|b|rc)\d+)?\+? (?:\|[^|()]{1,60}\| ?)?\([^()]{4,120}\) ?\n?\[[A-Z]/;
/** Release levels of `PY_VERSION_HEX` (Include/patchlevel.h). */
const RELEASE_LEVELS: Readonly<Record<number, string>> = { 10: "a", 11: "b", 12: "rc" };

export type NamedVersion = PythonVersion & { readonly text: string };

/**
 * The version of the interpreter in a module: the exported `Py_Version` (3.11 and later), else the text that `sys.version` was
 * made from, which lies in static data whether or not there are symbols.
 */
export function detectVersion(reader: MemoryReader, elf: ElfImage, windows: readonly MemoryWindow[]): NamedVersion | undefined {
  const exported = elf.symbolAddress("Py_Version");
  if (exported !== undefined && reader.has(exported)) {
    const version = decodeVersionHex(reader.u32(exported));
    if (version.major > 0) return version;
  }
  for (const window of windows) {
    const found = findVersionText(window.text());
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The version in a text that contains what `sys.version` begins with: number, build and compiler. */
export function findVersionText(text: string): NamedVersion | undefined {
  const match = VERSION_BUFFER.exec(text);
  if (match === null) return undefined;
  const [, major, minor, micro, suffix] = match;
  return {
    major: Number(major),
    minor: Number(minor),
    micro: Number(micro),
    text: `${major}.${minor}.${micro}${suffix ?? ""}`,
  };
}

/** `PY_VERSION_HEX`: major, minor, micro in a byte each, release level and serial in four bits each. */
export function decodeVersionHex(hex: number): NamedVersion {
  const major = hex >>> 24;
  const minor = (hex >>> 16) & 0xff;
  const micro = (hex >>> 8) & 0xff;
  const level = RELEASE_LEVELS[(hex >>> 4) & 0xf];
  const suffix = level === undefined ? "" : `${level}${hex & 0xf}`;
  return { major, minor, micro, text: `${major}.${minor}.${micro}${suffix}` };
}
