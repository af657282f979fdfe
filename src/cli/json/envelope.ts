import type { Problem } from "../../base/problems.ts";
import { formatAddress } from "../../base/units.ts";
import type { ProcessFacts, Snapshot } from "../../snapshot/tables.ts";

/** Any JSON value; keys whose value is undefined are left out. */
export type Json = string | number | boolean | readonly Json[] | { readonly [key: string]: Json | undefined };
export type JsonObject = { readonly [key: string]: Json | undefined };

/** The first keys of every answer (docs/schemas/common-1.json). */
export function envelope(verb: string, snapshot: Snapshot): JsonObject {
  return {
    schema: `pystrata.${verb}/1`,
    process: processJson(snapshot.process),
    // Said only where it is so: programs that print values may want to know.
    capture: { ...snapshot.capture, withValues: snapshot.graph?.values ? true : undefined },
    problems: snapshot.problems.map(problemJson),
  };
}

function processJson({ settings, ...process }: ProcessFacts): JsonObject {
  return { ...process, settings: settings && { cores: settings.cores, environment: { ...settings.environment } } };
}

function problemJson(problem: Problem): JsonObject {
  return {
    kind: problem.kind,
    sentence: problem.sentence,
    count: problem.count,
    address: addressJson(problem.address),
  };
}

/** Addresses are strings: a consumer may keep numbers in 32 bits. */
export function addressJson(address: number | undefined): string | undefined {
  return address === undefined ? undefined : formatAddress(address);
}
