/** CPython 3.9, bpo-37257: from then on the last arena that becomes empty is kept for the next request. */
const FIRST_MINOR_WITH_SPARE = 9;

/**
 * Whether pymalloc keeps one wholly free arena instead of giving it back (Objects/obmalloc.c, insert_to_freepool).
 * @param minor the 11 of 3.11; undefined when it is not known
 */
export function keepsSpareArena(minor: number | undefined): boolean {
  return minor === undefined || minor >= FIRST_MINOR_WITH_SPARE;
}
