import { rmSync, writeFileSync } from "node:fs";
import type { ObjectGraph } from "../analysis/object-graph.ts";
import { retainerPicture } from "../analysis/retainer-picture.ts";
import { fail, type Result, succeed } from "../base/result.ts";
import { dotPicture } from "../export/dot.ts";
import type { PictureWords } from "../export/picture-words.ts";
import { svgPicture } from "../export/svg.ts";
import { safeText } from "./format/safe-text.ts";
import { formatBytes, formatCount } from "./format/units.ts";

/** More boxes than this nobody reads. */
const MOST_NODES = 40;
const WORDS: PictureWords = { text: safeText, bytes: formatBytes, count: formatCount };

/** Where pictures of what retains an object go; undefined for not at all. */
export interface PictureFiles {
  readonly svg?: string | undefined;
  readonly dot?: string | undefined;
  /** Replaces files that are there. */
  readonly force: boolean;
}

/** Draws what retains an object into the files asked for; fails when one is there already or cannot be written. */
export function writePictures(graph: ObjectGraph, object: number, { svg, dot, force }: PictureFiles): Result<void> {
  if (svg === undefined && dot === undefined) return succeed(undefined);
  const picture = retainerPicture(graph, object, MOST_NODES);
  const drawn = svg === undefined ? succeed(undefined) : writeNew(svg, svgPicture(picture, WORDS), force);
  if (!drawn.ok || dot === undefined) return drawn;
  return writeNew(dot, dotPicture(picture, WORDS), force);
}

/** Writes a file for its owner only, never through a link. */
function writeNew(path: string, text: string, force: boolean): Result<void> {
  try {
    if (force) rmSync(path, { force: true });
    writeFileSync(path, text, { flag: "wx", mode: 0o600 });
    return succeed(undefined);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return fail("usage", `${path} is there already.`, "Choose another name, or add --force.");
    return fail("failed", `${path} could not be written: ${message}.`);
  }
}
