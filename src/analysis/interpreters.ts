/** The interpreters of a process. */
import type { Snapshot } from "../snapshot/tables.ts";

const MAIN_ID = 0;

/** Index of the main interpreter, -1 without any. CPython lists the newest first (Python/pystate.c, 3.6–3.13), so mostly the last. */
export function mainInterpreter({ interpreters }: Pick<Snapshot, "interpreters">): number {
  const main = interpreters.findIndex(({ id }) => id === MAIN_ID);
  return main < 0 ? interpreters.length - 1 : main;
}
