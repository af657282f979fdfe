/** One line of /proc/PID/maps (Documentation/filesystems/proc.rst). */
export interface Mapping {
  readonly start: number;
  readonly end: number;
  /** Four characters: `r` `w` `x` or `-`, then `p` private or `s` shared. */
  readonly permissions: string;
  /** Byte offset into the file. */
  readonly offset: number;
  /** `major:minor` in hexadecimal, `00:00` for anonymous memory. */
  readonly device: string;
  readonly inode: number;
  /** Path as the reader's mount namespace spells it, `[heap]` and the like, or empty; hostile text. */
  readonly path: string;
}
