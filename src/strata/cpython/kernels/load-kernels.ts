import { readFileSync } from "node:fs";
import type { LinearMemory } from "../../../target/linear-memory.ts";
import type { KernelHost, KernelMemory, KernelSet } from "./kernel-set.ts";

/** A plain kernel set, which is tied to its memory by a call. */
type PlainKernels = KernelSet & { bind(memory: KernelMemory, host: KernelHost): void };

/**
 * The kernels for a memory: WebAssembly where the memory is WebAssembly's, else plain JavaScript over one buffer or several.
 * All three come from one source (see `environment.ts`) and give the same answers.
 */
export async function loadKernels(memory: LinearMemory, host: KernelHost): Promise<KernelSet> {
  if (memory.wasm !== undefined) {
    const module = new WebAssembly.Module(readFileSync(new URL("./generated/kernels.wasm", import.meta.url)));
    const imports = { env: { memory: memory.wasm, abort }, host: { ...host } };
    return new WebAssembly.Instance(module, imports).exports as unknown as KernelSet;
  }
  const file = memory.flat ? "./generated/kernels-flat.js" : "./generated/kernels-segmented.js";
  const { createKernels } = (await import(new URL(file, import.meta.url).href)) as { createKernels: () => PlainKernels };
  const kernels = createKernels();
  kernels.bind(memory, host);
  return kernels;
}

function abort(): never {
  throw new Error("a kernel stopped");
}
