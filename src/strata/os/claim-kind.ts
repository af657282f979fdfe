/** What recognised a range. The values are those of the snapshot's claim table; the gaps belong to other strata. */
export const ClaimKind = {
  stack: 0,
  threadLocal: 1,
  /** The dynamic loader's own allocations. */
  loader: 2,
  /** A mapping whose start a library's data points at. */
  library: 6,
} as const;
export type ClaimKind = (typeof ClaimKind)[keyof typeof ClaimKind];
