/** A tree from left to right: the first node at the right edge, every node one column further left than the one it refers to. */

export interface TreeNode {
  /** Index of the node to its right, -1 for the first; smaller than its own. */
  readonly next: number;
  readonly width: number;
  /** What stands on the line behind it. */
  readonly labelWidth: number;
}

export interface TreeLayout {
  readonly width: number;
  readonly height: number;
  /** Left edge and middle of each node. */
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface TreeSpacing {
  readonly nodeHeight: number;
  readonly rowGap: number;
  /** Room for lines to bend, and around what stands on them. */
  readonly bend: number;
  readonly labelGap: number;
}

/** Every leaf has a row, every other node is in the middle of those that refer to it; nothing overlaps. O(nodes). */
export function layOutTree(nodes: readonly TreeNode[], spacing: TreeSpacing): TreeLayout {
  const depths = depthsOf(nodes);
  const columns = columnWidths(nodes, depths, spacing);
  const starts = columns.map((_, depth) => columns.slice(depth + 1).reduce((sum, width) => sum + width, 0));
  const { y, rows } = rowsOf(nodes);
  const step = spacing.nodeHeight + spacing.rowGap;
  return {
    width: columns.reduce((sum, width) => sum + width, 0),
    height: rows * step - spacing.rowGap,
    x: nodes.map((_, index) => starts[depths[index]]),
    y: y.map((row) => row * step + spacing.nodeHeight / 2),
  };
}

function depthsOf(nodes: readonly TreeNode[]): readonly number[] {
  const depths: number[] = [];
  for (const { next } of nodes) depths.push(next < 0 ? 0 : depths[next] + 1);
  return depths;
}

function columnWidths(nodes: readonly TreeNode[], depths: readonly number[], spacing: TreeSpacing): readonly number[] {
  const widths: number[] = [];
  for (const [index, { width, labelWidth, next }] of nodes.entries()) {
    const whole = width + (next < 0 ? 0 : labelWidth + 2 * spacing.labelGap + spacing.bend);
    widths[depths[index]] = Math.max(widths[depths[index]] ?? 0, whole);
  }
  return widths;
}

/** Rows in the order of a walk from the first node; fractions where a node is between two rows. */
function rowsOf(nodes: readonly TreeNode[]): { readonly y: readonly number[]; readonly rows: number } {
  const referrers: number[][] = nodes.map(() => []);
  for (const [index, { next }] of nodes.entries()) if (next >= 0) referrers[next].push(index);
  const y = nodes.map(() => 0);
  let rows = 0;
  const open: { readonly node: number; done: boolean }[] = [{ node: 0, done: false }];
  for (let top = open.at(-1); top; top = open.at(-1)) {
    const below = referrers[top.node];
    if (below.length > 0 && !top.done) {
      top.done = true;
      for (const node of below.toReversed()) open.push({ node, done: false });
      continue;
    }
    y[top.node] = below.length === 0 ? rows++ : (y[below[0]] + y[below[below.length - 1]]) / 2;
    open.pop();
  }
  return { y, rows };
}
