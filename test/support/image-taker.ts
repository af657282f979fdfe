/**
 * A program that takes the image of a process, for tests of what may happen to the taker.
 *
 *   image-taker PID [CGROUP [GIB]]   moves itself into a memory cgroup first, where one is given (not empty), and reserves so many
 *                                    GiB for tables
 *
 * Prints a line when it is about to begin, then `{"pause": …, "checksum": …}` or `{"failure": …}` as JSON.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { GIB, MIB } from "../../src/base/units.ts";
import { takeProcessImage } from "../../src/target/take-process-image.ts";

const [pid, cgroup = "", tablesGibibytes = "0"] = process.argv.slice(2);
if (cgroup !== "") writeFileSync(join(cgroup, "cgroup.procs"), String(process.pid));
console.log("ready");
const result = takeProcessImage(Number(pid), {
  webAssembly: true,
  tablesBytes: () => MIB + Number(tablesGibibytes) * GIB,
  maxPauseMilliseconds: 60_000,
});
if (result.ok) {
  const { image, pause } = result.value;
  let checksum = 0;
  for (const address of image.slotAddresses) {
    for (const word of image.memory.int32(image.wordOf(address), MIB / 4)) checksum = (Math.imul(checksum, 31) + word) | 0;
  }
  console.log(JSON.stringify({ pause, checksum }));
} else console.log(JSON.stringify({ failure: result.failure }));
