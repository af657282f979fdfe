import type { ProcessImage } from "./process-image.ts";
import type { ProgramIdentity } from "./program-identity.ts";

/** How a process may be captured. */
export interface CaptureOptions {
  /** Longest that the target may stand still, all attempts together; default 1,000. */
  readonly maxPauseMilliseconds?: number | undefined;
  /** Most memory for image and tables; default half of what is available. */
  readonly maxMemoryBytes?: number | undefined;
  readonly allowSigstop?: boolean | undefined;
  /** The program that the caller has looked at already: a process that runs another one by now is not captured. */
  readonly program?: ProgramIdentity | undefined;
  /** Also read swapped pages, which brings them back into the target's memory. */
  readonly readSwapped?: boolean | undefined;
  /** Whether the image may lie in a WebAssembly memory. */
  readonly webAssembly: boolean;
  /**
   * Address space to reserve behind an image that takes `imageBytes` of it. Untouched pages cost nothing, so this may be an
   * upper bound.
   */
  readonly tablesBytes: (imageBytes: number) => number;
  /** Memory that the tables of so many copied bytes will really take; it counts against the ceiling. Default: a third. */
  readonly expectedTablesBytes?: ((copiedBytes: number) => number) | undefined;
  /** Told what begins now, for a person who waits; never called inside the stop. */
  readonly progress?: ((phase: CapturePhase) => void) | undefined;
  /**
   * Asked about each copy once the target runs again, so that the look may be thorough. False says that the stop fell inside an
   * allocation or a collection; the target is stopped again, at most five times within the budget. The last image is taken as it is.
   * What it allocates in the image's memory would be in the way of the next copy.
   */
  readonly accept?: ((image: ProcessImage) => boolean) | undefined;
}

export type CapturePhase = "preparing" | "spooling" | "stopping" | "resumed";

export const DEFAULT_MAX_PAUSE_MILLISECONDS = 1000;
export const MAX_ATTEMPTS = 5;
/** What decoding a heap of small objects takes, by measurement: 14 to 26 bytes an object, references included. */
export const DEFAULT_TABLES_SHARE = 1 / 3;
