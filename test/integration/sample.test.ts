import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { testOnEveryPython } from "../support/pythons.ts";
import { residentBytesOf } from "../support/report.ts";
import { startTarget } from "../support/spawn.ts";

const SERVER = fileURLToPath(new URL("../../samples/im-server/im_server.py", import.meta.url));
const MIB = 2 ** 20;

testOnEveryPython("the sample server fills itself, waits and stops when told", async (t, python) => {
  const server = startTarget(t, python, { script: SERVER });
  assert.match(await server.line(), new RegExp(`^ready: pid ${server.pid}, port \\d+$`));
  const residentBytes = residentBytesOf(server.pid);
  assert.ok(residentBytes > 60 * MIB && residentBytes < 150 * MIB, `${residentBytes / MIB} MiB`);
  server.signal("SIGTERM");
  assert.equal(await server.ended, 0);
  assert.equal(server.errors(), "");
});
