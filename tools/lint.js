/** `npm run lint`: format and rules, the house's arrows, unused code, and what only this repository asks of its files. */
import { run } from "./run.js";

run("npx", ["biome", "check", "--error-on-warnings", "."]);
run("npx", ["depcruise", "--config", ".dependency-cruiser.cjs", "--output-type", "err", "src"]);
run("npx", ["knip", "--no-progress"]);
run(process.execPath, ["tools/check-files.js"]);
