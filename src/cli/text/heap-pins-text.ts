/** The lower half of `heap`: what keeps heaps from shrinking, and how it came to that. */
import { type HeapCauses, heapCauses } from "../../analysis/heap-causes.ts";
import type { HeapPin } from "../../analysis/pins.ts";
import { KIB } from "../../base/units.ts";
import type { MallocSettingsFacts, MallocTables, Snapshot } from "../../snapshot/tables.ts";
import { DEFAULT_MMAP_THRESHOLD_BYTES } from "../../strata/malloc/rules/glibc-thresholds.ts";
import { padEnd, padStart, textWidth, wrap, wrapIndented } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";
import { paint, type Style } from "../format/style.ts";
import { formatBytes, formatCount, formatSteps, toSteps, unitFor } from "../format/units.ts";
import { sectionLines } from "./heading.ts";

const MOST_PINS = 10;
/** A pin that holds less is not worth a line. */
const LEAST_SHOWN_BYTES = 64 * KIB;
const FIGURE_CELLS = 7;
const PLACE_CELLS = 18;
const WHAT_CELLS = 26;

/** Which chunk keeps which heap; empty when nothing that is worth it would come back. */
export function pinLines(malloc: MallocTables, pins: readonly HeapPin[], style: Style): string[] {
  const shown = pins.filter((pin) => pin.recoverableBytes >= LEAST_SHOWN_BYTES).slice(0, MOST_PINS);
  if (shown.length === 0) return [];
  const unit = unitFor(shown[0].recoverableBytes);
  const lines = shown.flatMap((pin) => {
    const figure = padStart(formatSteps(toSteps(pin.recoverableBytes, unit), unit), FIGURE_CELLS);
    const behind = pin.behind === 0 ? "" : ` and ${formatCount(pin.behind)} behind it`;
    const what = `${safeText(pin.what)}, ${formatCount(pin.bytes)} B${behind}`;
    const cells = [padEnd(placeOf(malloc, pin), PLACE_CELLS), padEnd(what, WHAT_CELLS), safeText(pin.owner ?? "")];
    const text = cells.join(" ").trimEnd();
    const start = `${paint(style, "recover", figure)}  `;
    if (FIGURE_CELLS + 2 + textWidth(text) <= style.width) return [start + text];
    const [first, ...rest] = wrap(text.replace(/ {2,}/g, "  "), style.width - FIGURE_CELLS - 4);
    return [start + first, ...rest.map((line) => " ".repeat(FIGURE_CELLS + 4) + line)];
  });
  const note = `${unit.name} that would come back without it`;
  return ["", ...sectionLines("What keeps whole heaps from shrinking", note, style), ...lines];
}

/** `[heap] at 97 %`, `arena 1, heap 2`. */
function placeOf({ arenas }: MallocTables, pin: HeapPin): string {
  const { main, ranges } = arenas[pin.arena];
  const heap = ranges.findIndex(({ start }) => start === pin.start) + 1;
  if (main && heap === 1) return `[heap] at ${Math.round(((pin.address - pin.start) / (pin.end - pin.start)) * 100)} %`;
  return main ? `main, segment ${heap}` : `arena ${pin.arena}, heap ${heap}`;
}

/** The settings as they are now, and what made them so. */
export function causeLines(malloc: MallocTables, snapshot: Snapshot, style: Style): string[] {
  const causes = heapCauses(snapshot, malloc);
  const { settings } = malloc;
  if (!causes || !settings) return [];
  const lines = [thresholdLine(settings, causes), trimLine(settings, causes), arenaLine(causes), ...environmentLine(causes)];
  return ["", paint(style, "heading", "Why it got so"), ...lines.flatMap((line) => wrapIndented(`  ${line}`, style.width, 4))];
}

function thresholdLine({ mmapThreshold }: MallocSettingsFacts, { thresholdOrigin, raisedByBytes }: HeapCauses): string {
  const now = `mmap threshold ${formatBytes(mmapThreshold)}`;
  switch (thresholdOrigin) {
    case "raised": {
      const least = formatBytes(DEFAULT_MMAP_THRESHOLD_BYTES);
      return `${now}, raised from ${least} by freeing one chunk of ${formatBytes(raisedByBytes ?? 0)}`;
    }
    case "default":
      return `${now}, the default: freeing a larger mmapped chunk raises it`;
    case "fixed":
      return `${now}, fixed by mallopt or the environment`;
  }
}

function trimLine({ trimThreshold, mmapThreshold, topPad }: MallocSettingsFacts, { thresholdOrigin }: HeapCauses): string {
  // M_TRIM_THRESHOLD of -1 is the largest size_t.
  if (trimThreshold >= 2 ** 47) return "trim threshold: never";
  const twice = thresholdOrigin === "raised" && trimThreshold === 2 * mmapThreshold ? ", twice that" : "";
  return `trim threshold ${formatBytes(trimThreshold)}${twice}; ${formatBytes(topPad)} stay at the top`;
}

function arenaLine({ arenas, threads, arenaLimit, cores }: HeapCauses): string {
  const count = arenas === 1 ? "1 arena" : `${formatCount(arenas)} arenas`;
  const of = cores === undefined || arenaLimit !== 8 * cores ? "" : `, eight for each of ${formatCount(cores)} cores`;
  const limit = arenaLimit === undefined ? "" : `; limit ${formatCount(arenaLimit)}${of}`;
  return `${count} for ${threads === 1 ? "1 thread" : `${formatCount(threads)} threads`}${limit}`;
}

function environmentLine({ environment }: HeapCauses): string[] {
  if (environment === undefined) return [];
  const set = Object.entries(environment).map(([name, value]) => safeText(`${name}=${value}`));
  return [set.length === 0 ? "MALLOC_…, GLIBC_TUNABLES and PYTHONMALLOC are not set" : `its environment: ${set.join(", ")}`];
}
