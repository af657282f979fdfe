/** Rules of sys.getsizeof that no structure tells. */

/**
 * True when sys.getsizeof adds a gc header to static types, which have none: from 3.11 it goes by the type's flags
 * (Python/sysmodule.c), until 3.13.5 asked the object again.
 */
export function staticTypesCountHeader(version: { readonly minor: number; readonly micro: number }): boolean {
  return version.minor === 11 || version.minor === 12 || (version.minor === 13 && version.micro < 5);
}
