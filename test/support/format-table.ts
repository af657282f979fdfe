import type { Node } from "../../src/snapshot/file/schema-nodes.ts";

/** The columns of a schema as the rows of a Markdown table: name, type, rows, what its entries are bound to. */
export function formatTable(schema: Node): string[] {
  return ["| column | type | rows | checked |", "| --- | --- | --- | --- |", ...rowsOf(schema, "")];
}

function rowsOf(node: Node, name: string): string[] {
  switch (node.kind) {
    case "column": {
      const below = node.below ? [`< ${node.below.text}`] : [];
      const { ascending, endOf, lengthOf, atMost } = node;
      const order = [
        ...(ascending ? ["ascending"] : []),
        ...(endOf ? [`≥ ${endOf}`] : []),
        ...(lengthOf ? [`from ${lengthOf}`] : []),
        ...(atMost ? [`≤ ${atMost}`] : []),
      ];
      return [row(name, node.type, node.rows?.text ?? "", [...order, ...below].join(", "))];
    }
    case "texts":
      return [row(name, "texts", node.rows === "own" ? "its own" : "", "")];
    case "pairs":
      return [row(name, "pairs, u32 to f64", "its own", "")];
    case "number":
    case "boolean":
    case "text":
      return [];
    case "optional":
      return rowsOf(node.node, name);
    case "list":
    case "record":
      return rowsOf(node.item, `${name}.N`);
    case "struct":
      return Object.entries(node.fields).flatMap(([key, field]) => rowsOf(field, name === "" ? key : `${name}.${key}`));
  }
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((cell, index) => (index === 0 ? `\`${cell}\`` : cell)).join(" | ")} |`.replaceAll("  |", " |");
}
