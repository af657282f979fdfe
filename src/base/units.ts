/** Bytes of a base page on x86-64. */
export const PAGE_BYTES = 4096;
export const KIB = 1024;
export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;

/** First byte above the user half of the address space with four-level page tables; addresses below it fit a double. */
export const USER_SPACE_END = 2 ** 47;

export function roundDown(value: number, step: number): number {
  return value - (value % step);
}

export function roundUp(value: number, step: number): number {
  return roundDown(value + step - 1, step);
}

/** `0x…`, lower case, no leading zeros. */
export function formatAddress(address: number): string {
  return `0x${address.toString(16)}`;
}
