/** Variables that allocators read, and that hold numbers and words of theirs: an environment as a whole holds secrets. */
const KEPT: ReadonlySet<string> = new Set([
  // glibc malloc/arena.c ptmalloc_init and elf/dl-tunables.list
  "GLIBC_TUNABLES",
  "MALLOC_ARENA_MAX",
  "MALLOC_ARENA_TEST",
  "MALLOC_CHECK_",
  "MALLOC_MMAP_MAX_",
  "MALLOC_MMAP_THRESHOLD_",
  "MALLOC_PERTURB_",
  "MALLOC_TCACHE_COUNT",
  "MALLOC_TOP_PAD_",
  "MALLOC_TRIM_THRESHOLD_",
  // jemalloc
  "MALLOC_CONF",
  // CPython Objects/obmalloc.c
  "PYTHONMALLOC",
]);
/** Longer values are cut: those that mean something are short. */
const LONGEST_VALUE = 200;

/**
 * Keeps the allocators' variables of an environment. Of a name that is there twice the first counts, as for getenv.
 * @param text of /proc/PID/environ: as it was when the program was started
 */
export function keepEnvironment(text: string): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const variable of text.split("\0")) {
    const name = variable.slice(0, variable.indexOf("="));
    if (KEPT.has(name) && !Object.hasOwn(kept, name))
      kept[name] = variable.slice(name.length + 1, name.length + 1 + LONGEST_VALUE);
  }
  return kept;
}
