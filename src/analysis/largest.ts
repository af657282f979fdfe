/**
 * The largest of many, largest first, the smaller index first among equals. O(items · log limit), a heap of `limit` items.
 *
 * @param accepts false for items that do not take part.
 */
export function largest(
  items: Iterable<number>,
  weightOf: (item: number) => number,
  limit: number,
  accepts: (item: number) => boolean = () => true,
): number[] {
  const heap: number[] = [];
  // Negative when `a` comes after `b` in the answer: the top of the heap is the last of those that are kept.
  const compare = (a: number, b: number) => weightOf(a) - weightOf(b) || b - a;
  for (const item of items) {
    if (!accepts(item)) continue;
    if (heap.length < limit) {
      heap.push(item);
      if (heap.length === limit) for (let at = (limit >>> 1) - 1; at >= 0; at--) siftDown(heap, at, compare);
    } else if (limit > 0 && compare(heap[0], item) < 0) {
      heap[0] = item;
      siftDown(heap, 0, compare);
    }
  }
  return heap.sort((a, b) => compare(b, a));
}

function siftDown(heap: number[], from: number, compare: (a: number, b: number) => number): void {
  let at = from;
  for (let child = 2 * at + 1; child < heap.length; child = 2 * at + 1) {
    if (child + 1 < heap.length && compare(heap[child + 1], heap[child]) < 0) child++;
    if (compare(heap[at], heap[child]) <= 0) return;
    [heap[at], heap[child]] = [heap[child], heap[at]];
    at = child;
  }
}
