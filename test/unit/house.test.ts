import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Importing folder, imported folder. */
const FORBIDDEN = [
  ["base", "target"],
  ["graph", "strata/cpython"],
  ["graph", "snapshot"],
  ["strata/cpython", "capture"],
  ["strata/malloc", "snapshot"],
  ["strata/os", "strata/malloc"],
  ["strata/pymalloc", "strata/cpython"],
  ["snapshot", "strata/os"],
  ["analysis", "strata/malloc"],
  ["analysis", "target"],
  ["findings", "capture"],
  ["capture", "cli"],
  ["strata/malloc/rules", "target"],
] as const;

const ALLOWED = [
  ["target", "base"],
  ["strata/cpython", "strata/pymalloc"],
  ["capture", "strata/os"],
  ["analysis", "strata/malloc/rules"],
  ["strata/malloc/glibc", "strata/malloc"],
  ["cli", "capture"],
] as const;

test("an import against the arrows is caught, one along them is not", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pystrata-house-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "tsconfig.json"), "{}");
  for (const [from, to] of [...FORBIDDEN, ...ALLOWED]) writeImport(folder, from, to);

  const config = join(ROOT, ".dependency-cruiser.cjs");
  const command = join(ROOT, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const { stdout } = spawnSync(process.execPath, [command, "--config", config, "--output-type", "json", "src"], {
    cwd: folder,
    encoding: "utf8",
  });
  const { violations } = (JSON.parse(stdout) as { summary: { violations: { from: string; to: string }[] } }).summary;
  const caught = new Set(violations.map(({ from, to }) => `${from} → ${to}`));
  for (const [from, to] of FORBIDDEN) assert.ok(caught.has(describe(from, to)), `not caught: ${describe(from, to)}`);
  for (const [from, to] of ALLOWED) assert.ok(!caught.has(describe(from, to)), `wrongly caught: ${describe(from, to)}`);
});

function writeImport(folder: string, from: string, to: string): void {
  const importing = join(folder, importingFile(from, to));
  const imported = join(folder, importedFile(to));
  for (const path of [importing, imported]) mkdirSync(dirname(path), { recursive: true });
  const up = "../".repeat(from.split("/").length);
  writeFileSync(
    importing,
    `import type { Thing } from "${up}${importedFile(to).replace("src/", "")}";\nexport type Other = Thing;\n`,
  );
  writeFileSync(imported, "export type Thing = string;\n");
}

function importingFile(from: string, to: string): string {
  return `src/${from}/imports-${to.replaceAll("/", "-")}.ts`;
}

function importedFile(folder: string): string {
  return `src/${folder}/imported.ts`;
}

function describe(from: string, to: string): string {
  return `${importingFile(from, to)} → ${importedFile(to)}`;
}
