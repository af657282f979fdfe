/**
 * Builds dist/: one bundled command with lazily loaded chunks, and beside it, at the same relative paths as in src/, the files
 * that code opens by URL at run time: workers and guards (plain .js), layout tables (.json), kernels (.wasm, .js).
 */
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { build } from "esbuild";
import { ROOT, run } from "./run.js";

const SOURCE = join(ROOT, "src");
const OUTPUT = join(ROOT, "dist");
const OPENED_BY_URL = new Set([".js", ".json", ".wasm"]);
const KERNELS = join(ROOT, "tools/build-kernels.js");

if (existsSync(KERNELS)) run(process.execPath, [KERNELS]);
rmSync(OUTPUT, { recursive: true, force: true });
await build({
  entryPoints: [join(SOURCE, "cli/main.ts")],
  outdir: OUTPUT,
  outbase: SOURCE,
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20.19",
  packages: "external",
  logLevel: "warning",
  plugins: [{ name: "keep-module-urls", setup: keepModuleUrls }],
});
chmodSync(join(OUTPUT, "cli/main.js"), 0o755);
copyFilesOpenedByUrl();

/**
 * Bundled code lies elsewhere than its source, so its import.meta.url becomes that of the source's place in dist/. Entry and
 * chunks are both one folder deep.
 */
function keepModuleUrls(bundler) {
  bundler.onLoad({ filter: /\.(ts|js)$/ }, ({ path }) => {
    const place = relative(SOURCE, path);
    const text = readFileSync(path, "utf8");
    if (place.startsWith("..") || !text.includes("import.meta.url")) return undefined;
    const url = JSON.stringify(`../${place.replace(/\.ts$/, ".js")}`);
    return {
      contents: text.replaceAll("import.meta.url", `new URL(${url}, import.meta.url).href`),
      loader: extname(path) === ".ts" ? "ts" : "js",
    };
  });
}

function copyFilesOpenedByUrl() {
  for (const place of readdirSync(SOURCE, { recursive: true })) {
    if (!OPENED_BY_URL.has(extname(place))) continue;
    const path = join(SOURCE, place);
    if (extname(place) === ".js") checkImportsAreCopied(path);
    cpSync(path, join(OUTPUT, place));
  }
}

/** A copied worker cannot import TypeScript, and what it imports must be copied too. */
function checkImportsAreCopied(path) {
  for (const [, imported] of readFileSync(path, "utf8").matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
    const target = join(dirname(path), imported);
    if (OPENED_BY_URL.has(extname(target)) && existsSync(target)) continue;
    throw new Error(`${relative(ROOT, path)} imports ${imported}, which dist/ will not have`);
  }
}
