import { existsSync } from "node:fs";
import { type Result, succeed } from "../base/result.ts";
import { parsePid } from "./options.ts";

/** What a verb looks at: a running process, or a snapshot that was saved. */
export type SnapshotSource =
  | { readonly kind: "process"; readonly pid: number }
  | { readonly kind: "file"; readonly path: string };

/** Name of snapshot files. */
const EXTENSION = ".strata";

/** True for a text that can only mean a file: it names a folder, or ends as snapshots do. */
export function looksLikeFile(text: string): boolean {
  return text.includes("/") || text.endsWith(EXTENSION);
}

/** PID or FILE. A number is a PID (`./41207` is the file); anything else is a file when it looks like one or is there. */
export function parseSource(text: string): Result<SnapshotSource> {
  if (looksLikeFile(text) || (!/^\d+$/.test(text) && existsSync(text))) return succeed({ kind: "file", path: text });
  const pid = parsePid(text);
  return pid.ok ? succeed({ kind: "process", pid: pid.value }) : pid;
}

/** A source as it was given, to be given again. */
export function sourceText(source: SnapshotSource): string {
  switch (source.kind) {
    case "process":
      return String(source.pid);
    case "file":
      return source.path;
  }
}
