import { writeSync } from "node:fs";
import type { Progress } from "../base/progress.ts";
import { textWidth } from "./format/layout.ts";
import { safeText } from "./format/safe-text.ts";
import { formatCount } from "./format/units.ts";

const SILENT_MILLISECONDS = 1000;
const INTERVAL_MILLISECONDS = 100;
const MILLION = 1_000_000;
const STDERR = 2;

/**
 * One line about a long step, rewritten in place and wiped at the end. Decoding runs on this very thread, so no timer could
 * fire: whoever works reports, and this looks at the clock.
 */
export class ProgressLine {
  private readonly startedAt = performance.now();
  private shownAt = 0;
  private shownWidth = 0;
  private readonly enabled: boolean;
  private readonly write: (text: string) => void;

  constructor(enabled: boolean, write: (text: string) => void = writeToStderr) {
    this.enabled = enabled;
    this.write = write;
  }

  update(progress: Progress): void {
    if (!this.enabled) return;
    const now = performance.now();
    if (now - this.startedAt < SILENT_MILLISECONDS || now - this.shownAt < INTERVAL_MILLISECONDS) return;
    this.shownAt = now;
    const text = progressText(progress);
    this.write(`\r${text}${" ".repeat(Math.max(0, this.shownWidth - textWidth(text)))}`);
    this.shownWidth = textWidth(text);
  }

  /** Leaves no trace. Blanks instead of an escape sequence: any terminal understands them. */
  clear(): void {
    if (this.shownWidth > 0) this.write(`\r${" ".repeat(this.shownWidth)}\r`);
    this.shownWidth = 0;
  }
}

/** `objects 3.1 M of ~4.9 M`. */
export function progressText({ phase, done, total }: Progress): string {
  // A step that counts nothing has only a name.
  if (done === 0 && total === undefined) return safeText(phase);
  const whole = total === undefined ? "" : ` of ~${roughCount(total)}`;
  return `${safeText(phase)} ${roughCount(done)}${whole}`;
}

function roughCount(count: number): string {
  return count < MILLION ? formatCount(count) : `${(count / MILLION).toFixed(1)} M`;
}

function writeToStderr(text: string): void {
  try {
    writeSync(STDERR, text);
  } catch {
    // A full or closed stderr must not end the work.
  }
}
