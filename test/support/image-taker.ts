/**
 * A program that takes the image of a process, for tests of what may happen to the taker.
 *
 *   image-taker PID [CGROUP]   moves itself into a memory cgroup first, where one is given
 *
 * TAKER_TABLES_BYTES reserves so much for tables; TAKER_SPACE_BYTES limits the address space to so much more than it has.
 * Prints a line when it is about to begin, then `{"pause": …, "checksum": …}` or `{"failure": …}` as JSON.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MIB } from "../../src/base/units.ts";
import { readStatus } from "../../src/target/proc/status.ts";
import { takeProcessImage } from "../../src/target/take-process-image.ts";

const [pid, cgroup] = process.argv.slice(2);
const tablesBytes = Number(process.env.TAKER_TABLES_BYTES ?? MIB);
const spaceBytes = process.env.TAKER_SPACE_BYTES;
if (cgroup !== undefined) writeFileSync(join(cgroup, "cgroup.procs"), String(process.pid));
if (spaceBytes !== undefined) limitAddressSpace(Number(spaceBytes));
console.log("ready");
const result = takeProcessImage(Number(pid), {
  webAssembly: true,
  tablesBytes: () => tablesBytes,
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

function limitAddressSpace(moreBytes: number): void {
  const status = readStatus(process.pid);
  if (!status.ok) throw new Error(status.failure.sentence);
  execFileSync("prlimit", ["--pid", String(process.pid), `--as=${status.value.virtualBytes + moreBytes}`]);
}
