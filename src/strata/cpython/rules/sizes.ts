/** Rules of sys.getsizeof that no structure tells. */

/**
 * True when sys.getsizeof adds a gc header to static types, which have none: 3.11 and 3.12 go by the flags of the type's
 * type (Python/sysmodule.c), the others ask the object.
 */
export function staticTypesCountHeader(version: { readonly minor: number }): boolean {
  return version.minor === 11 || version.minor === 12;
}
