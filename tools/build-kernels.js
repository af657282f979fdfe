// Builds the kernels of src/strata/cpython/kernels three times from one source: WebAssembly, plain JavaScript over one
// buffer, plain JavaScript over several buffers. Each plain build is a factory, since a kernel set keeps its state in globals.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { build } from "esbuild";

const source = fileURLToPath(new URL("../src/strata/cpython/kernels/", import.meta.url));
const generated = join(source, "generated");
/** Not part of the kernels in WebAssembly: declarations, and what only the plain ones have. */
const NOT_COMPILED = new Set(["types.d.ts", "kernel-set.ts", "load-kernels.ts", "arithmetic.ts", "environment-segmented.ts"]);

async function buildPlain(environment, output) {
  const result = await build({
    stdin: {
      contents: 'export * from "./kernels.ts"; export { bind } from "./environment.ts";',
      resolveDir: source,
      loader: "ts",
    },
    bundle: true,
    write: false,
    format: "iife",
    globalName: "kernels",
    target: "es2022",
    plugins: [
      {
        name: "environment",
        setup(hooks) {
          hooks.onResolve({ filter: /^\.\/environment\.ts$/ }, () => ({ path: join(source, environment) }));
        },
      },
    ],
  });
  const text = result.outputFiles[0].text;
  writeFileSync(join(generated, output), `export function createKernels() {\n${text}\nreturn kernels;\n}\n`);
}

async function buildWebAssembly(output) {
  const directory = mkdtempSync(join(tmpdir(), "pystrata-kernels-"));
  try {
    const names = readdirSync(source).filter((name) => name.endsWith(".ts") && !NOT_COMPILED.has(name));
    // NAME.as.ts stands in for NAME.ts.
    for (const name of names.filter((name) => !names.includes(name.replace(/\.ts$/, ".as.ts")))) {
      // AssemblyScript wants imports without the extension.
      const text = readFileSync(join(source, name), "utf8").replace(/ from "(\.\/[^"]+)\.ts"/g, ' from "$1"');
      writeFileSync(join(directory, name.replace(/\.as\.ts$/, ".ts")), text);
    }
    const { error, stderr } = await asc.main([
      join(directory, "kernels.ts"),
      ...["--baseDir", directory, "--outFile", join(generated, output)],
      ...["-O3", "--noAssert", "--runtime", "stub", "--importMemory", "--maximumMemory", "65536", "--use", "abort="],
    ]);
    if (error) throw new Error(`${error.message}\n${stderr}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

mkdirSync(generated, { recursive: true });
await buildPlain("environment.ts", "kernels-flat.js");
await buildPlain("environment-segmented.ts", "kernels-segmented.js");
await buildWebAssembly("kernels.wasm");
