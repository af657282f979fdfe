/**
 * Shares `whole` units among parts in proportion to their exact values, so that the displayed parts add up to the displayed
 * whole: every part gets its floor, and what is left goes to the largest remainders (Hamilton's method), earlier parts first.
 *
 * `unit` is the exact value of one displayed unit (a tenth of a MiB, say). Where `whole` is the parts' exact sum, rounded up or
 * down, no part moves by a whole unit. A whole that is itself a sum of rounded figures may lie further off; then the parts
 * share it in proportion. A part of zero stays zero; parts that are all zero share nothing.
 */
export function shareOut(whole: number, parts: readonly number[], unit: number): number[] {
  return (
    giveRemainders(
      whole,
      parts.map((part) => part / unit),
    ) ?? shareInProportion(whole, parts)
  );
}

/** Exact sum of `values`. */
export function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function shareInProportion(whole: number, parts: readonly number[]): number[] {
  const sum = sumOf(parts);
  const quotas = parts.map((part) => (sum === 0 ? 0 : (part / sum) * whole));
  return giveRemainders(whole, quotas) ?? quotas.map(Math.floor);
}

/** Floors and largest remainders; undefined when floors alone exceed the whole or one unit for each remainder is not enough. */
function giveRemainders(whole: number, quotas: readonly number[]): number[] | undefined {
  const shares = quotas.map(Math.floor);
  const left = whole - sumOf(shares);
  const candidates = quotas
    .map((quota, index) => ({ index, remainder: quota - shares[index] }))
    .filter(({ remainder }) => remainder > 0)
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  if (left < 0 || left > candidates.length) return undefined;
  for (const { index } of candidates.slice(0, left)) shares[index]++;
  return shares;
}
