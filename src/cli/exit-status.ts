import type { FailureCode } from "../base/result.ts";

/** What the process that started us learns (docs/exit-status.md). */
export const EXIT_DONE = 0;
/** The tool itself failed. */
export const EXIT_FAILED = 1;

const STATUS_OF: Readonly<Record<FailureCode, number>> = {
  failed: EXIT_FAILED,
  usage: 2,
  "not-permitted": 3,
  "no-such-process": 4,
  "no-such-file": 4,
  "not-cpython": 5,
  limit: 6,
};

/** Exit status of an expected failure. */
export function exitStatusOf(code: FailureCode): number {
  return STATUS_OF[code];
}
