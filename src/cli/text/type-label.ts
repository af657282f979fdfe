import type { TypeTable } from "../../snapshot/tables.ts";
import { textWidth } from "../format/layout.ts";
import { safeText } from "../format/safe-text.ts";

/** `Message  parley.proto` when that fits a usual column, else name and module on lines of their own. */
export function typeLabel(types: TypeTable, index: number, cells = 27): string[] {
  const name = types.name[index];
  const module = types.module[index];
  if (module === "" || module === "builtins") return [name];
  const together = `${name}  ${module}`;
  return textWidth(safeText(together)) <= cells ? [together] : [name, module];
}
