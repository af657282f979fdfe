/** A thing in the target that could not be read or did not verify; the report says what it costs. */
export interface Problem {
  readonly kind: string;
  readonly sentence: string;
  /** How often it happened. */
  readonly count: number;
  /** First address at which it happened, where one is known. */
  readonly address?: number | undefined;
}

/** Collects problems by kind, so that a corrupt target cannot flood the report: one entry a kind, with a count. */
export class ProblemReport {
  private readonly byKind = new Map<string, { kind: string; sentence: string; count: number; address?: number | undefined }>();

  /** @param kind short stable key, such as `pymalloc-free-list`; the first sentence and address of a kind are kept. */
  add(kind: string, sentence: string, address?: number, count = 1): void {
    const known = this.byKind.get(kind);
    if (known) known.count += count;
    else this.byKind.set(kind, { kind, sentence, count, address });
  }

  addAll(problems: readonly Problem[]): void {
    for (const problem of problems) this.add(problem.kind, problem.sentence, problem.address, problem.count);
  }

  list(): Problem[] {
    return [...this.byKind.values()];
  }
}
