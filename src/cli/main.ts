#!/usr/bin/env node
import { guardOutput } from "./output.ts";
import { run } from "./program.ts";

// No handler for SIGINT: whatever ends us, the kernel or the guard process lets the target run on.
guardOutput();
process.exitCode = await run(process.argv.slice(2));
