/**
 * Numbers for sets of kinds, such as the types of all that refer to an object: a set that was met before has its number, a new one
 * the next. Most objects have one referrer, which costs one look into a column.
 */
export class ReferrerSets {
  /** Name of each set. */
  readonly names: string[] = [];
  private readonly nameOfKind: (kind: number) => string;
  /** Object for which a kind was met last. */
  private readonly metFor: Uint32Array;
  private object = 0;
  private readonly kinds: number[] = [];
  /** Set of one kind alone, -1 when not met yet. */
  private readonly alone: Int32Array;
  private readonly several = new Map<string, number>();

  constructor(kinds: number, nameOfKind: (kind: number) => string) {
    this.nameOfKind = nameOfKind;
    this.metFor = new Uint32Array(kinds);
    this.alone = new Int32Array(kinds).fill(-1);
  }

  /** A set with a name of its own; its number. */
  add(name: string): number {
    return this.names.push(name) - 1;
  }

  begin(): void {
    this.object++;
    this.kinds.length = 0;
  }

  /** What is met again for the same object is in the set already; of very many kinds the first ones make the set. */
  include(kind: number): void {
    if (this.metFor[kind] === this.object || this.kinds.length === MOST_KINDS) return;
    this.metFor[kind] = this.object;
    this.kinds.push(kind);
  }

  /** Number of the set of what was included since `begin`. */
  end(): number {
    const { kinds } = this;
    if (kinds.length === 1) {
      const [kind] = kinds;
      if (this.alone[kind] < 0) this.alone[kind] = this.add(this.nameOfKind(kind));
      return this.alone[kind];
    }
    const key = kinds.sort((a, b) => a - b).join();
    let set = this.several.get(key);
    if (set === undefined) {
      const names = kinds.map(this.nameOfKind);
      set = this.add(`${names.join(", ")}${kinds.length === MOST_KINDS ? ", …" : ""}`);
      this.several.set(key, set);
    }
    return set;
  }
}

/** Kinds that tell one set from another. */
const MOST_KINDS = 6;
