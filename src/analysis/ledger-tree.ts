/** First level of the ledger: a closed list, in the order of the report. */
export const LEDGER_KEYS = [
  "objects",
  "pymallocFree",
  "pymallocOverhead",
  "mallocFree",
  "mallocNative",
  "mallocOther",
  "libraries",
  "mappedFiles",
  "stacksSharedOther",
  "unexplained",
] as const;
export type LedgerKey = (typeof LEDGER_KEYS)[number];

/** A node of the ledger: the resident bytes of its children sum to its own exactly. */
export interface LedgerNode {
  /** Slash-joined path, such as `libraries/libc.so.6/code`. */
  readonly key: string;
  /** For people; may hold hostile text. */
  readonly label: string;
  readonly residentBytes: number;
  readonly children?: readonly LedgerNode[];
}

export interface Coverage {
  readonly placedBytes: number;
  readonly attributedBytes: number;
  readonly unexplainedBytes: number;
}

export interface Ledger {
  /** Key "resident"; children are the first level, all ten keys, in order. */
  readonly root: LedgerNode;
  readonly coverage: Coverage;
}
