import { basename } from "node:path";
import type { Snapshot } from "../../snapshot/tables.ts";
import { wrapIndented } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { formatBytes, formatCount, formatCounted } from "../format/units.ts";
import { closingLines } from "./closing.ts";
import { headingLines, processLines } from "./heading.ts";

/** What a snapshot file is, for people and programs. */
export interface SavedFile {
  readonly path: string;
  readonly bytes: number;
  readonly form: "mapped" | "archive";
  readonly withValues: boolean;
}

/** What there is of each kind in a snapshot. */
export interface SnapshotContents {
  readonly objects: number;
  readonly types: number;
  readonly references: number;
  readonly roots: number;
  readonly names: number;
  /** Strings that are no names. */
  readonly withheld: number;
  readonly values: number;
}

/** Counts what a snapshot has. */
export function contentsOf({ types, graph }: Snapshot): SnapshotContents {
  return {
    objects: types.count.subarray(0, types.length).reduce((sum, count) => sum + count, 0),
    types: types.length,
    references: graph?.references.length ?? 0,
    roots: graph?.roots.length ?? 0,
    names: graph?.names.length ?? 0,
    withheld: graph?.contents.length ?? 0,
    values: graph?.values?.length ?? 0,
  };
}

/** The first line of every answer from a file. */
export function openedLines(path: string, { capture, graph }: Snapshot, style: Style): string[] {
  const values = graph?.values ? ["with values of the process"] : [];
  return headingLines(safeText(basename(path)), [`taken ${safeText(momentOf(capture.takenAt))}`, ...values], style);
}

/** `2026-03-04 14:02:37 UTC` */
function momentOf(isoTime: string): string {
  return isoTime.replace("T", " ").replace(/(\.\d+)?Z$/, " UTC");
}

export function savedNotice(path: string, bytes: number): string {
  return `Saved as ${safeText(path)}, ${formatBytes(bytes)}.`;
}

/** What `snapshot` says: the file, what is in it and what is not, and how to go on. */
export function savedLines(snapshot: Snapshot, file: SavedFile, style: Style): string[] {
  const name = safeText(file.path);
  const more = [`pystrata ${name}`, ...(snapshot.graph ? [`pystrata retained ${name}`] : []), `pystrata diff ${name} PID`];
  return [
    ...processLines(snapshot.process, style),
    ...wrapIndented(`${name}: ${formatBytes(file.bytes)}${formNote(file)}, readable for you only.`, style.width, 2),
    "",
    ...labelled("In it", insideOf(snapshot, file), style),
    ...labelled("Not in it", outsideOf(snapshot, file), style),
    "",
    ...closingLines(snapshot.capture, snapshot.problems, more, style),
  ];
}

function formNote(file: SavedFile): string {
  return file.form === "archive" ? " compressed" : "";
}

function insideOf(snapshot: Snapshot, file: SavedFile): string {
  const { objects, types, references, roots, names, values } = contentsOf(snapshot);
  const graph = snapshot.graph
    ? [formatCounted(references, "reference"), formatCounted(roots, "root"), formatCounted(names, "name")]
    : [];
  return [
    `${formatCounted(objects, "object")} of ${formatCounted(types, "type")}`,
    ...graph,
    "mappings, pages, malloc, pymalloc, threads",
    ...(file.withValues ? [formatCounted(values, "value: it may be a secret", "values: they may be secrets")] : []),
  ].join(", ");
}

function outsideOf(snapshot: Snapshot, file: SavedFile): string {
  const withheld = formatCount(contentsOf(snapshot).withheld);
  const values = snapshot.graph
    ? `values: of ${withheld} strings that are no names it has length and keyed hash`
    : "references, values";
  return [...(file.withValues ? [] : [values]), "arguments behind the script, environment"].join(", ");
}

function labelled(label: string, text: string, style: Style): string[] {
  const [first, ...others] = wrapIndented(`${label.padEnd(LABEL_CELLS)}${text}.`, style.width, LABEL_CELLS);
  return [paint(style, "heading", first.slice(0, LABEL_CELLS)) + first.slice(LABEL_CELLS), ...others];
}

const LABEL_CELLS = 11;
