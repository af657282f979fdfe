/** Modules own their state before anything else is decoded: many objects of theirs point at it, and none of those owns it. */
import { importedModules } from "../runtime/imported-modules.ts";
import { moduleState } from "./decoders/modules.ts";
import type { ObjectContext } from "./object-context.ts";

/** Claims the states of the modules in sys.modules. */
export function claimModuleStates(context: ObjectContext): void {
  const { runtime, image } = context;
  const moduleType = runtime.symbol("PyModule_Type");
  for (const interpreter of runtime.interpreters.keys()) {
    for (const { module } of importedModules(runtime, image, interpreter)) {
      if (image.u64(module + 8) !== moduleType) continue;
      const { address, bytes } = moduleState(context, module);
      if (bytes > 0) context.claimExtra(address, bytes, context.placeOf(module));
    }
  }
}
