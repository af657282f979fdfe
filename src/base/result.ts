/** Why an expected failure happened; each code has one exit status (see `cli/exit-status.ts`). */
export type FailureCode = "failed" | "usage" | "not-permitted" | "no-such-process" | "no-such-file" | "not-cpython" | "limit";

/** An expected failure: one sentence that says what happened and why, one hint that says what to do. */
export interface Failure {
  readonly code: FailureCode;
  readonly sentence: string;
  readonly hint?: string | undefined;
  /** Set when the same may well succeed if it is tried again at once. */
  readonly transient?: boolean | undefined;
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export function succeed<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function fail(code: FailureCode, sentence: string, hint?: string): Result<never> {
  return { ok: false, failure: { code, sentence, hint } };
}
