/** How far a long step is. Never reported while the target is stopped. */
export interface Progress {
  /** What is being counted, in the plural, such as `objects`. */
  readonly phase: string;
  readonly done: number;
  /** Expected final value of `done`, where one is known; may be an estimate. */
  readonly total?: number;
}

export type ReportProgress = (progress: Progress) => void;

/** Told that a phase of work begins, and with that that the one before it has ended: for measurements. */
export type ReportPhase = (phase: string) => void;
