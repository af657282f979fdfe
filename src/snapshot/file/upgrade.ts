import { FORMAT_VERSION, type Footer } from "./layout.ts";

/**
 * What makes of a footer of format n, at index n − 1, one of format n + 1: facts and columns that got other names or meanings.
 * docs/format.md tells what changed. Format 1 is the first.
 */
const UPGRADERS: readonly ((footer: Footer) => Footer)[] = [];

/** The footer as the present format has it. @param version that the file was written in, at most the present one */
export function upgradeFooter(footer: Footer, version: number): Footer {
  return UPGRADERS.slice(version - 1, FORMAT_VERSION - 1).reduce((upgraded, upgrade) => upgrade(upgraded), footer);
}
