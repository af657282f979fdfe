import type { LinearMemory } from "../../../target/linear-memory.ts";
import * as P from "../kernels/parameters.ts";

/** Types that one analysis can tell apart; beyond it instances count for row 0, "other types". */
export const MAX_ROWS = 2 ** 19;

/** The rows of the type table in linear memory, as the host reads and writes them (see `kernels/parameters.ts`). */
export class RowTable {
  readonly word: number;
  /** Rows in use; row 0 is no type. */
  length = 1;

  constructor(private readonly memory: LinearMemory) {
    this.word = memory.allocate(MAX_ROWS * P.ROW_WORDS, P.ROW_WORDS);
  }

  get(row: number, field: number): number {
    return this.memory.load(this.word + row * P.ROW_WORDS + field);
  }

  set(row: number, field: number, value: number): void {
    this.memory.store(this.word + row * P.ROW_WORDS + field, value);
  }

  /** An accumulator of a row. */
  sum(row: number, field: number): number {
    return this.memory.float64(this.word + row * P.ROW_WORDS + field, 1)[0];
  }

  add(row: number, field: number, value: number): void {
    this.memory.float64(this.word + row * P.ROW_WORDS + field, 1)[0] += value;
  }
}
