import { accountNative, type NativeOwner, type UnownedAnswer, type UnownedMemory } from "../../analysis/native.ts";
import { formatAddress } from "../../base/units.ts";
import type { Snapshot } from "../../snapshot/tables.ts";
import { wrapIndented } from "../format/layout.ts";
import { sumOf } from "../format/rounding.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { formatBytes, formatCount } from "../format/units.ts";
import { sectionLines } from "./heading.ts";

/** Owners that get a line of their own, unless all are asked for. */
const MOST_OWNERS = 5;
const MOST_SIZES = 4;
const MOST_SAMPLES = 3;

/** Native memory by owner, and what is known of memory without one; nothing when there is none. */
export function nativeLines(snapshot: Snapshot, style: Style): string[] {
  const { owners, unowned, complete } = accountNative(snapshot);
  if (owners.length + unowned.length === 0) return [];
  const shown = style.verbose ? owners : owners.slice(0, MOST_OWNERS);
  const others = owners.slice(shown.length);
  const lines = shown.map((owner) => `${formatBytes(owner.bytes)} ${ownerName(owner)}, ${chunksText(owner.chunks)}`);
  if (others.length > 0)
    lines.push(`${formatBytes(sumOf(others.map(({ bytes }) => bytes)))} for ${formatCount(others.length)} more`);
  return [
    "",
    ...sectionLines("Native memory", "by whom it serves", style),
    ...lines.flatMap((line) => wrapIndented(`  ${line}`, style.width, 4)),
    ...unowned.flatMap((memory) => unownedLines(snapshot, memory, complete, style)),
  ];
}

function ownerName({ kind, library }: NativeOwner): string {
  switch (kind) {
    case "buffer":
      return "for objects";
    case "runtime":
      return "for the Python runtime";
    case "library":
      return `for ${safeText(library ?? "a library")}`;
  }
}

function unownedLines(snapshot: Snapshot, memory: UnownedMemory, complete: boolean, style: Style): string[] {
  const sizes = memory.sizes.slice(0, MOST_SIZES).map(({ bytes, chunks }) => `${formatCount(chunks)} of ${formatBytes(bytes)}`);
  const counts = [
    ...(memory.chunks > 0 ? [chunksText(memory.chunks)] : []),
    ...(memory.blocks > 0
      ? [memory.blocks === 1 ? "1 block of pymalloc" : `${formatCount(memory.blocks)} blocks of pymalloc`]
      : []),
  ];
  const line = `${formatBytes(memory.bytes + memory.blockBytes)} ${unownedName(memory, complete)}, ${counts.join(", ")}: ${unownedReason(snapshot, memory, complete)}`;
  const samples = memory.samples.slice(0, MOST_SAMPLES).map(({ address }) => formatAddress(address));
  const details = [
    ...(sizes.length > 0 ? [`sizes: ${sizes.join(", ")}${memory.sizes.length > sizes.length ? ", …" : ""}`] : []),
    ...(samples.length > 0 ? [`such as ${samples.join(", ")}`] : []),
  ];
  return [
    ...wrapIndented(`  ${line}`, style.width, 4),
    ...details.flatMap((detail) => wrapIndented(`    ${detail}`, style.width, 6)).map((text) => paint(style, "note", text)),
  ];
}

function chunksText(chunks: number): string {
  return chunks === 1 ? "1 chunk" : `${formatCount(chunks)} chunks`;
}

function unownedName({ kind }: UnownedAnswer, complete: boolean): string {
  return kind === "leaked" ? (complete ? "leaked" : "possibly leaked") : "unowned";
}

/**
 * Why memory in use counts as unowned, as a clause.
 * @param complete false while memory was not read, in which pointers may lie
 */
export function unownedReason(snapshot: Snapshot, { kind, thread, library }: UnownedAnswer, complete: boolean): string {
  switch (kind) {
    case "unknown":
      return "nobody known points at it";
    case "thread":
      return `in use by native code of ${threadName(snapshot, thread)}, whose stack or thread-local data alone leads to it`;
    case "elsewhere":
      return "only memory leads to it that is no object's, no library's and no thread's";
    case "chained":
      return "only memory points at it that nobody holds either";
    case "guessed":
      return `by its first word an object of ${safeText(library ?? "a library")}: guessed, not attributed; only memory points at it that nobody holds either`;
    case "leaked":
      return complete ? "nothing in the process points at it" : "nothing that was read points at it, but not all memory was";
  }
}

function threadName({ threads }: Snapshot, row: number | undefined): string {
  const thread = row === undefined ? undefined : threads[row];
  if (thread === undefined) return "a thread";
  return thread.name === "" ? `thread ${thread.tid}` : `thread ${thread.tid} (${safeText(thread.name)})`;
}
