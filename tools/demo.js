/**
 * `npm run demo`: installs, builds, starts the sample chat server on loopback, reports on it and stops it.
 * `npm run demo -- types` asks another verb; PYTHON names another interpreter than `python3`.
 */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { install, ROOT, run } from "./run.js";

const [verb = "report", ...options] = process.argv.slice(2);

install();
run("npm", ["run", "--silent", "build"]);
const server = spawn(process.env.PYTHON ?? "python3", [join(ROOT, "samples/im-server/im_server.py")], {
  stdio: ["ignore", "pipe", "inherit"],
});
server.once("error", (error) => {
  console.error(`The sample needs Python 3.6 or later: ${error.message}`);
  process.exitCode = 1;
});
process.once("exit", () => server.kill());
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

for await (const line of createInterface(server.stdout)) {
  console.log(`samples/im-server is ${line}\n`);
  const command = [join(ROOT, "dist/cli/main.js"), verb, String(server.pid), ...options];
  const { status } = spawnSync(process.execPath, command, { stdio: "inherit" });
  process.exitCode = status ?? 1;
  break;
}
server.kill();
