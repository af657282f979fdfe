import { InvalidArgumentError } from "commander";
import { OBJECT_SORT_KEYS, type ObjectSortKey } from "../analysis/objects.ts";
import { PARTITION_KEYS, type PartitionKey } from "../analysis/partitions.ts";
import { TYPE_SORT_KEYS, type TypeSortKey } from "../analysis/types.ts";
import { fail, type Result, succeed } from "../base/result.ts";
import { GIB, KIB, MIB, USER_SPACE_END } from "../base/units.ts";
import { UNTRACKED_GENERATION } from "../snapshot/states.ts";

/** Options that every verb takes. */
export interface CommonOptions {
  readonly format: "text" | "json";
  /** False after `--no-color`. */
  readonly color: boolean;
  readonly verbose: boolean;
  readonly width?: number;
  /** Milliseconds. */
  readonly maxPause: number;
  /** Bytes. */
  readonly maxMemory?: number;
  readonly allowSigstop: boolean;
  readonly readSwapped: boolean;
  /** File that a captured snapshot is saved to. */
  readonly output?: string;
  readonly archive: boolean;
  readonly force: boolean;
  readonly withValues: boolean;
}

/** Options of verbs that tell who holds memory back. */
export interface OwnersArguments extends CommonOptions {
  /** With the paths to them, for which references are needed. */
  readonly owners: boolean;
}

export interface ReportArguments extends CommonOptions {
  readonly depth: number;
}

export interface TypesArguments extends CommonOptions {
  /** If not given, retained with `retained`, else resident. */
  readonly sort?: TypeSortKey;
  readonly retained: boolean;
  readonly by?: PartitionKey;
  /** 0 for all. */
  readonly limit?: number;
  readonly filter?: string;
}

export interface ObjectsArguments extends CommonOptions {
  readonly sort: ObjectSortKey;
  /** 0 for all. */
  readonly limit?: number;
  readonly type?: string;
  /** 3 for what the collector does not track. */
  readonly generation?: number;
  /** Bytes. */
  readonly least?: number;
}

/** Options of verbs whose rows are limited and that take no others. */
export interface LimitedArguments extends CommonOptions {
  /** 0 for all. */
  readonly limit?: number;
}

/** Files for pictures of what retains an object. */
export interface PictureOptions {
  readonly svg?: string;
  readonly dot?: string;
}

export interface ReferencesArguments extends LevelsArguments, PictureOptions {}

export interface CyclesArguments extends LimitedArguments {
  readonly reachable: boolean;
}

/** Options of verbs that show levels below each other. */
export interface LevelsArguments extends LimitedArguments {
  readonly depth: number;
}

/** Largest PID that a 64-bit kernel hands out (include/linux/threads.h, PID_MAX_LIMIT). */
const PID_LIMIT = 4 * 1024 * 1024;
const SIZE_UNITS: Readonly<Record<string, number>> = { "": 1, k: KIB, m: MIB, g: GIB, t: 1024 * GIB };

/** Parses a PID. */
export function parsePid(text: string): Result<number> {
  const pid = Number(text);
  if (/^\d+$/.test(text) && pid >= 1 && pid <= PID_LIMIT) return succeed(pid);
  return fail("usage", `"${text}" is no PID.`, "Run pystrata without arguments to list the Python processes.");
}

/** Parses an address: 0x…, bare hexadecimal as in /proc/PID/maps, or decimal as id() prints it. */
export function parseAddress(text: string): Result<number> {
  const digits = text.toLowerCase();
  const isHexadecimal = /^0x[0-9a-f]+$/.test(digits) || (/^[0-9a-f]+$/.test(digits) && /[a-f]/.test(digits));
  const address = isHexadecimal ? Number.parseInt(digits, 16) : /^\d+$/.test(digits) ? Number(digits) : Number.NaN;
  if (address < USER_SPACE_END) return succeed(address);
  const sentence = Number.isNaN(address)
    ? `"${text}" is no address.`
    : `Address ${text} lies above the user half of the address space.`;
  return fail("usage", sentence, "Give it as 0x… or as the decimal number that id() prints.");
}

/** Bytes from `512M`, `2G`, `1.5GiB`, `1000000`; units are powers of 1,024. */
export function parseSize(text: string): number {
  const [, figure, unit] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  if (figure === undefined || unit === undefined) throw new InvalidArgumentError("Give a size such as 512M or 2G.");
  return Math.floor(Number(figure) * SIZE_UNITS[unit.toLowerCase()]);
}

/** Milliseconds from `500`, `500ms` or `1.5s`. */
export function parseMilliseconds(text: string): number {
  const [, figure, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s)?$/.exec(text) ?? [];
  const milliseconds = Number(figure) * (unit === "s" ? 1000 : 1);
  if (!(milliseconds >= 1)) throw new InvalidArgumentError("Give milliseconds, such as 500, or seconds, such as 2s.");
  return milliseconds;
}

/** A whole number from `least` on. */
export function wholeNumberFrom(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least) throw new InvalidArgumentError(`Give a whole number from ${least} on.`);
    return value;
  };
}

/** One of the sort keys of `types`. */
export function parseSortKey(text: string): TypeSortKey {
  const key = TYPE_SORT_KEYS.find((candidate) => candidate === text);
  if (!key) throw new InvalidArgumentError(`Sort by ${TYPE_SORT_KEYS.join(", ")}.`);
  return key;
}

/** One of the questions that part objects. */
export function parsePartitionKey(text: string): PartitionKey {
  const key = PARTITION_KEYS.find((candidate) => candidate === text);
  if (!key) throw new InvalidArgumentError(`Part by ${PARTITION_KEYS.join(", ")}.`);
  return key;
}

/** One of the sort keys of `objects`. */
export function parseObjectSortKey(text: string): ObjectSortKey {
  const key = OBJECT_SORT_KEYS.find((candidate) => candidate === text);
  if (!key) throw new InvalidArgumentError(`Sort by ${OBJECT_SORT_KEYS.join(", ")}.`);
  return key;
}

/** A generation of the collector, 3 for `untracked`. */
export function parseGeneration(text: string): number {
  if (text === "untracked") return UNTRACKED_GENERATION;
  if (!/^[012]$/.test(text)) throw new InvalidArgumentError("Give 0, 1, 2 or untracked.");
  return Number(text);
}

/** A test of `module.name`: `/…/` is a regular expression, anything else a substring; case does not matter. */
export function parseFilter(text: string): Result<(qualifiedName: string) => boolean> {
  const [, pattern] = /^\/(.*)\/$/s.exec(text) ?? [];
  if (pattern === undefined) {
    const wanted = text.toLowerCase();
    return succeed((name) => name.toLowerCase().includes(wanted));
  }
  try {
    const expression = new RegExp(pattern, "iu");
    return succeed((name) => expression.test(name));
  } catch {
    return fail("usage", `/${pattern}/ is no regular expression.`, "Without slashes the text is searched as it stands.");
  }
}
