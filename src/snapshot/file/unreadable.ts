/** Why a file cannot be opened, thrown inside the reader and caught where it begins: the predicate of a sentence about the file. */
export class Unreadable extends Error {
  readonly hint: string | undefined;

  constructor(predicate: string, hint?: string) {
    super(predicate);
    this.hint = hint;
  }
}
