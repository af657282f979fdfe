import type { PictureNode, RetainerPicture } from "../analysis/retainer-picture.ts";
import { formatAddress } from "../base/units.ts";

/** How the views of this tool write figures, and text that a target made up. */
export interface PictureWords {
  /** A figure with its unit: `6,936 B`. */
  bytes(bytes: number): string;
  count(count: number): string;
  /** Text without characters that act instead of being seen. */
  text(text: string): string;
}

/** A node's second line: where the object is and what it keeps alive; empty for a root that is no object. */
export function noteOf({ address, retainedBytes }: PictureNode, words: PictureWords): string {
  if (address === undefined || retainedBytes === undefined) return "";
  return `${formatAddress(address)}, retains ${words.bytes(retainedBytes)}`;
}

/** What is not in the picture, in sentences. */
export function remarksOn({ otherReferrers, complete, lowerBound }: RetainerPicture, words: PictureWords): readonly string[] {
  const others = otherReferrers === 1 ? "One more object refers" : `${words.count(otherReferrers)} more objects refer`;
  return [
    ...(otherReferrers > 0 ? [`${others} to it.`] : []),
    ...(complete ? [] : ["There may be more roots."]),
    ...(lowerBound ? ["A part of memory or of the references is missing: there may be more that holds it."] : []),
    "Weak references are left out.",
  ];
}

const LONGEST_LABEL = 64;

/** Text that fits a picture: the middle of a long one is left out, since names differ at their ends. */
export function shortened(text: string): string {
  const characters = Array.from(text);
  if (characters.length <= LONGEST_LABEL) return text;
  const half = (LONGEST_LABEL - 1) >>> 1;
  return `${characters.slice(0, half).join("")}…${characters.slice(-half).join("")}`;
}
