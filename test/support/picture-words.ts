import { safeText } from "../../src/cli/format/safe-text.ts";
import { formatBytes, formatCount } from "../../src/cli/format/units.ts";
import type { PictureWords } from "../../src/export/picture-words.ts";

/** Figures and text as the command writes them. */
export const PICTURE_WORDS: PictureWords = { bytes: formatBytes, count: formatCount, text: safeText };
