import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { PythonTarget } from "./pythons.ts";
import { startTarget, type Target, type TargetOptions } from "./spawn.ts";

/** What a process says about its own objects, and the process, which stands still in the state that it describes. */
export interface Truth {
  readonly target: Target;
  /** Everything that gc.get_referents reaches from gc.get_objects(). */
  readonly objects: TrueObjects;
  readonly references: TrueReferences;
  /** By address of the type. */
  readonly types: ReadonlyMap<number, TrueType>;
  /** What sys._debugmallocstats() printed as the target's last deed. */
  readonly debugMallocStats: string;
  readonly gc: {
    readonly thresholds: readonly number[];
    readonly counts: readonly number[];
    readonly stats: readonly { readonly collections: number; readonly collected: number; readonly uncollectable: number }[];
    /** Objects in the permanent generation. */
    readonly frozen: number;
  };
  readonly threads: readonly TrueThread[];
  /** Addresses of the containers that took the dump: absent from `objects`, and not to be compared. */
  readonly scratch: ReadonlySet<number>;
  /** Parts of the heap that this Python lacks the modules for. */
  readonly skippedParts: readonly string[];
}

/** One row per object, in no order. */
export interface TrueObjects {
  readonly length: number;
  readonly address: Float64Array;
  readonly type: Float64Array;
  /** sys.getsizeof; 0 where it raised. */
  readonly shallowBytes: Float64Array;
  /** 1 when the collector tracks it. */
  readonly tracked: Uint8Array;
}

/** What gc.get_referents says of each row of `TrueObjects`: `targets[offsets[row]]` up to, not including, `targets[offsets[row + 1]]`. */
export interface TrueReferences {
  readonly offsets: Uint32Array;
  /** Addresses; one that is referred to twice is there twice. */
  readonly targets: Float64Array;
}

export interface TrueType {
  readonly module: string | undefined;
  readonly qualifiedName: string;
}

export interface TrueThread {
  /** pthread_self(). */
  readonly ident: number;
  /** The kernel's thread id. */
  readonly nativeId: number;
  /** Innermost first. */
  readonly frames: readonly { readonly function: string; readonly file: string; readonly line: number }[];
}

export interface TruthOptions extends TargetOptions {
  /** About the number of objects of each common kind; 2,000 by default, which gives 330,000 objects and 60 MB. */
  readonly scale?: number;
}

const SCRIPT = fileURLToPath(new URL("./truth-target.py", import.meta.url));
const ROW_WORDS = 4;

interface Facts {
  readonly types: Readonly<Record<string, { readonly module: string | null; readonly qualname: string | null }>>;
  readonly scratch: readonly string[];
  readonly skippedParts: readonly string[];
  readonly thresholds: readonly number[];
  readonly stats: Truth["gc"]["stats"];
  readonly frozen: number;
  readonly threads: readonly TrueThread[];
}

/** Starts the process of truth-target.py and reads what it says, once it stands still. */
export async function startTruth(t: TestContext, python: PythonTarget, options: TruthOptions = {}): Promise<Truth> {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-truth-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const args = [folder, ...(options.scale === undefined ? [] : [String(options.scale)])];
  const target = startTarget(t, python, { script: SCRIPT }, { ...options, args });
  const word = await target.line();
  if (word !== `ready ${folder}`) throw new Error(`not the word of a target that is ready: ${word}\n${target.errors()}`);
  return { target, ...readTruth(folder) };
}

function readTruth(folder: string): Omit<Truth, "target"> {
  const objects = readObjects(join(folder, "objects.bin"));
  const facts = JSON.parse(readFileSync(join(folder, "facts.json"), "utf8")) as Facts;
  const types = Object.entries(facts.types).map(([address, type]): [number, TrueType] => [
    Number(address),
    { module: type.module ?? undefined, qualifiedName: type.qualname ?? "" },
  ]);
  return {
    objects,
    references: readReferences(join(folder, "references.bin"), objects.length),
    types: new Map(types),
    debugMallocStats: readFileSync(join(folder, "debugmallocstats.txt"), "utf8"),
    gc: {
      thresholds: facts.thresholds,
      counts: readFileSync(join(folder, "counts.txt"), "utf8").split(" ").map(Number),
      stats: facts.stats,
      frozen: facts.frozen,
    },
    threads: facts.threads,
    scratch: new Set(facts.scratch.map(Number)),
    skippedParts: facts.skippedParts,
  };
}

function readObjects(path: string): TrueObjects {
  const words = toWords(readFileSync(path));
  const length = words.length / ROW_WORDS;
  const address = new Float64Array(length);
  const type = new Float64Array(length);
  const shallowBytes = new Float64Array(length);
  const tracked = new Uint8Array(length);
  for (let row = 0; row < length; row++) {
    address[row] = Number(words[row * ROW_WORDS]);
    type[row] = Number(words[row * ROW_WORDS + 1]);
    shallowBytes[row] = Number(words[row * ROW_WORDS + 2]);
    tracked[row] = Number(words[row * ROW_WORDS + 3]);
  }
  return { length, address, type, shallowBytes, tracked };
}

/** Of each object: how many, then their addresses. */
function readReferences(path: string, objects: number): TrueReferences {
  const words = toWords(readFileSync(path));
  const offsets = new Uint32Array(objects + 1);
  const targets = new Float64Array(words.length - objects);
  let at = 0;
  let count = 0;
  for (let row = 0; row < objects; row++) {
    const end = at + 1 + Number(words[at]);
    for (at++; at < end; at++) targets[count++] = Number(words[at]);
    offsets[row + 1] = count;
  }
  return { offsets, targets };
}

/** A copy: a small file's buffer lies anywhere in a pool, and words want their alignment. */
function toWords(file: Buffer): BigUint64Array {
  return new BigUint64Array(new Uint8Array(file).buffer);
}
