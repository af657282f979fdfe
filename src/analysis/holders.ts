/**
 * Where paths begin: what holds objects from outside of the graph, in words, and which of it says most.
 *
 * Every function of a module refers to the module's namespace, and so do interpreter and frames. Paths therefore begin at the
 * namespace as if it were the module, and never lead further back.
 */
import { hasBit, newBits, setBit } from "../base/bits.ts";
import { formatAddress } from "../base/units.ts";
import { breadthFirst, type ShortestPaths } from "../graph/breadth-first.ts";
import { RootKind, TypeForm } from "../snapshot/graph-tables.ts";
import { IMMORTAL_REFERENCES } from "../snapshot/states.ts";
import type { Snapshot, ThreadFacts } from "../snapshot/tables.ts";
import { forEachName, formOf, namespaceOf } from "./graph-lookups.ts";
import { mainInterpreter } from "./interpreters.ts";
import { nativeReferences, type ObjectGraph } from "./object-graph.ts";
import { indexAtOrBelow, placeAddress } from "./places.ts";
import { isDottedName, isIdentifier, pythonString } from "./python-literals.ts";

/** How a path begins. */
export interface PathRoot {
  /** Such as "module __main__", "frame Hub.fanout (parley/hub.py:212)", "held by libsqlite3.so.0". */
  readonly words: string;
  /** How an expression begins: `__main__`, `frame Hub.fanout (parley/hub.py:212)`. */
  readonly expression: string;
  /** What leads from the root to its object: the name of a frame's variable; empty when the root is the object. */
  readonly reference: string;
  readonly evaluable: boolean;
}

export interface Holders {
  /** The module of a namespace that belongs to one. */
  readonly moduleOf: ReadonlyMap<number, number>;
  /** Places that paths begin at, modules and their namespaces included. */
  readonly starts: Uint32Array;
  /** Modules and their namespaces: no path leads through them. */
  readonly ends: Uint32Array;
  /** The shortest way to each object: from modules and frames where there is one, then from the interpreter, then from the rest. */
  readonly paths: ShortestPaths;
  /** 0 for the roots that say most. */
  rankOf(place: number): number;
  rootOf(place: number): PathRoot;
  /** Everything that holds a place from outside of the graph, in words, the most telling first; empty when nothing does. */
  wordsFor(place: number): readonly string[];
}

export const NOTHING_HOLDS = "only garbage: nothing holds it";

/** What says more comes first; kinds of one rank are equally good. A library's pointer is evidence, not a hold. */
const RANKS: Readonly<Record<number, number>> = {
  [RootKind.module]: 0,
  [RootKind.frame]: 1,
  [RootKind.thread]: 2,
  [RootKind.interpreter]: 3,
  [RootKind.staticType]: 4,
  [RootKind.runtime]: 5,
  [RootKind.interned]: 6,
  [RootKind.library]: 7,
};
/** Of what a frame holds without a name: its code, its evaluation stack. */
const NAMELESS_RANK = 3;
const NO_RANK = 8;
/** Ranks of roots that serve first, and of those that serve what the first do not reach. */
const LAST_RANK_OF_FIRST = 2;
const LAST_RANK_OF_SECOND = 6;

const opened = new WeakMap<ObjectGraph, Holders>();

/** The holders of a graph; once for each graph. O(places + references) when first asked for their paths. */
export function holdersOf(graph: ObjectGraph): Holders {
  let holders = opened.get(graph);
  if (!holders) {
    holders = new GraphHolders(graph);
    opened.set(graph, holders);
  }
  return holders;
}

class GraphHolders implements Holders {
  readonly moduleOf = new Map<number, number>();
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  /** The row that says it best, of places that have one. */
  private readonly rows = new Map<number, number>();
  private readonly modules = new Map<string, number>();
  private lazyPaths: ShortestPaths | undefined;

  constructor(private readonly graph: ObjectGraph) {
    const { roots } = graph.tables;
    for (let row = 0; row < roots.length; row++) {
      const known = this.rows.get(roots.target[row]);
      if (known === undefined || this.rankOfRow(row) < this.rankOfRow(known)) this.rows.set(roots.target[row], row);
      if (roots.kind[row] === RootKind.module) this.takeModule(row);
    }
    this.starts = this.startBits();
    this.ends = newBits(graph.objects.length);
    for (const [place, row] of this.rows) if (roots.kind[row] === RootKind.module) setBit(this.ends, place);
    for (const namespace of this.moduleOf.keys()) setBit(this.ends, namespace);
  }

  /** @param owner index of an interpreter, -1 for none */
  private isInMain(owner: number): boolean {
    return owner < 0 || owner === mainInterpreter(this.graph.snapshot);
  }

  private takeModule(row: number): void {
    const { target, name, owner } = this.graph.tables.roots;
    if (this.isInMain(owner[row])) this.modules.set(name[row], target[row]);
    if (formOf(this.graph, target[row]) !== TypeForm.module) return;
    const namespace = namespaceOf(this.graph, target[row]);
    if (namespace >= 0 && !this.moduleOf.has(namespace)) this.moduleOf.set(namespace, target[row]);
  }

  private startBits(): Uint32Array {
    const bits = this.graph.heldBits.slice();
    for (const namespace of this.moduleOf.keys()) setBit(bits, namespace);
    return bits;
  }

  get paths(): ShortestPaths {
    this.lazyPaths ??= this.search();
    return this.lazyPaths;
  }

  private search(): ShortestPaths {
    const { graph, held } = this.graph;
    const first = this.namespacesByModule();
    const second: number[] = [];
    for (const [place, row] of this.rows) {
      const rank = this.rankOfRow(row);
      if (rank <= LAST_RANK_OF_FIRST) first.push(place);
      else if (rank <= LAST_RANK_OF_SECOND) second.push(place);
    }
    return breadthFirst(graph, Uint32Array.from(first), Uint32Array.from(second), held);
  }

  /**
   * Of equally short ways the first counts: through the module nearest to the top of its package, and of those through the one
   * imported last, since a module that imports another comes before it. The main script is nobody's home but its own.
   */
  private namespacesByModule(): number[] {
    const { roots } = this.graph.tables;
    const nameOf = (namespace: number) => roots.name[this.rows.get(this.moduleOf.get(namespace) ?? namespace) ?? 0] ?? "";
    const depthOf = (name: string) => (name === "__main__" ? Number.POSITIVE_INFINITY : name.split(".").length);
    const depths = new Map([...this.moduleOf.keys()].map((namespace) => [namespace, depthOf(nameOf(namespace))]));
    return [...depths.keys()].reverse().sort((a, b) => compare(depths.get(a) ?? 0, depths.get(b) ?? 0));
  }

  private rankOfRow(row: number): number {
    const { kind, name, target } = this.graph.tables.roots;
    // What runs in a frame is better told by where it is at home.
    const isNameless = kind[row] === RootKind.frame && name[row] === "" && formOf(this.graph, target[row]) !== TypeForm.frame;
    return isNameless ? NAMELESS_RANK : (RANKS[kind[row]] ?? NO_RANK);
  }

  rankOf(place: number): number {
    if (this.moduleOf.has(place)) return 0;
    const row = this.rows.get(place);
    return row === undefined ? NO_RANK : this.rankOfRow(row);
  }

  wordsFor(place: number): readonly string[] {
    const { roots } = this.graph.tables;
    const rows: number[] = [];
    for (let row = 0; row < roots.length; row++) if (roots.target[row] === place) rows.push(row);
    // A library's pointer explains a reference that we do not see; without one it is none.
    const isHeld = nativeReferences(this.graph, place) > 0;
    const telling = rows.filter((row) => roots.kind[row] !== RootKind.library || isHeld);
    telling.sort((a, b) => this.rankOfRow(a) - this.rankOfRow(b));
    const words = new Set(telling.map((row) => this.wordsOfRow(place, row)));
    if (words.size === 0 && hasBit(this.graph.heldBits, place)) words.add(this.withoutRow(place));
    return [...words];
  }

  private wordsOfRow(place: number, row: number): string {
    const { words, reference } = this.rootOfRow(place, row);
    return reference === "" ? words : `${words} ${reference}`;
  }

  rootOf(place: number): PathRoot {
    const module = this.moduleOf.get(place);
    const row = this.rows.get(module ?? place);
    return row === undefined ? said(this.withoutRow(place)) : this.rootOfRow(place, row);
  }

  private rootOfRow(place: number, row: number): PathRoot {
    const { roots } = this.graph.tables;
    const { snapshot } = this.graph;
    const name = roots.name[row];
    switch (roots.kind[row]) {
      case RootKind.module:
        return this.moduleRoot(row, name);
      case RootKind.frame: {
        const words = frameWords(snapshot.threads[roots.owner[row]], roots.frame[row]);
        return { words, expression: words, reference: name || this.partOfFrame(place), evaluable: false };
      }
      case RootKind.thread:
        return said(`thread ${snapshot.threads[roots.owner[row]]?.tid ?? "?"}: ${name || "state"}`);
      case RootKind.interpreter:
        return said(name === "" ? "interpreter state" : `interpreter: ${name}`);
      case RootKind.staticType:
        return said("static type");
      case RootKind.runtime:
        return said(name === "" ? "Python runtime" : `Python runtime: ${name}`);
      case RootKind.interned:
        return said("interned strings");
      default:
        return said(roots.owner[row] < 0 ? this.withoutRow(place) : `held by ${libraryName(snapshot, roots.owner[row])}`);
    }
  }

  /** What a frame holds without a name. */
  private partOfFrame(place: number): string {
    switch (formOf(this.graph, place)) {
      case TypeForm.frame:
        return "";
      case TypeForm.function:
        return "<function>";
      case TypeForm.code:
        return "<code>";
      default:
        return "<stack>";
    }
  }

  private moduleRoot(row: number, name: string): PathRoot {
    const owner = this.graph.tables.roots.owner[row];
    const words = `module ${name}`;
    const spelled = this.isReachedByName(name) ? name : `sys.modules[${pythonString(name)}]`;
    if (this.isInMain(owner)) return { words, expression: spelled, reference: "", evaluable: true };
    // Another interpreter's modules are out of reach, and have the names of the main one's.
    const interpreter = `interpreter ${this.graph.snapshot.interpreters[owner]?.id ?? owner}`;
    return { words: `${words} of ${interpreter}`, expression: `${interpreter} ${spelled}`, reference: "", evaluable: false };
  }

  /** Whether the dotted name leads to the module: sys.modules need not agree with the attributes of packages. */
  private isReachedByName(name: string): boolean {
    if (!isDottedName(name)) return false;
    const parts = name.split(".");
    return parts.every((_, index) => {
      if (index === 0) return this.modules.has(parts[0]);
      const parent = this.modules.get(parts.slice(0, index).join("."));
      const child = this.modules.get(parts.slice(0, index + 1).join("."));
      return (
        parent !== undefined &&
        child !== undefined &&
        isIdentifier(parts[index]) &&
        this.hasAttribute(parent, parts[index], child)
      );
    });
  }

  private hasAttribute(module: number, name: string, value: number): boolean {
    const namespace = formOf(this.graph, module) === TypeForm.module ? namespaceOf(this.graph, module) : -1;
    let found = false;
    if (namespace >= 0) {
      forEachName(this.graph, namespace, (key, target) => {
        if (key === name) found = target === value;
      });
    }
    return found;
  }

  private withoutRow(place: number): string {
    const { objects, snapshot } = this.graph;
    if (place < objects.poolPlaces + objects.chunkPlaces) {
      return objects.link[place] === IMMORTAL_REFERENCES ? "immortal" : "held by native code";
    }
    const address = placeAddress(snapshot, place) ?? 0;
    const mapping = indexAtOrBelow(snapshot.mappings.start, snapshot.mappings.length, address);
    const library = mapping < 0 ? -1 : snapshot.mappings.library[mapping];
    return library < 0 ? `static memory at ${formatAddress(address)}` : `static memory of ${libraryName(snapshot, library)}`;
  }
}

/** As a difference, also of two infinities. */
function compare(left: number, right: number): number {
  return left === right ? 0 : left - right;
}

function said(words: string): PathRoot {
  return { words, expression: `<${words}>`, reference: "", evaluable: false };
}

/** Such as "frame Hub.fanout (parley/hub.py:212)". */
function frameWords(thread: ThreadFacts | undefined, index: number): string {
  const frame = thread?.frames[index];
  if (!frame) return "frame";
  const line = frame.line === undefined ? "" : `:${frame.line}`;
  return `frame ${frame.function} (${shortFile(frame.file)}${line})`;
}

/** The last two parts of a path: a module's file and its package. */
export function shortFile(path: string): string {
  return path.split("/").slice(-2).join("/");
}

function libraryName({ libraries }: Snapshot, library: number): string {
  return libraries[library]?.split("/").at(-1) ?? "a library";
}
