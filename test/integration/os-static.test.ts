import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ClaimKind } from "../../src/strata/os/claim-kind.ts";
import { classifyMappings } from "../../src/strata/os/classify.ts";
import { MappingKind } from "../../src/strata/os/mapping-kind.ts";
import { takeLiveImage } from "../support/live-image.ts";
import { startProcess } from "../support/spawn.ts";

/** Prints the addresses of a variable in bss and of errno, and runs two threads that wait and two that have finished. */
const PROGRAM = `
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
static char zeroed[300000];
static void *run(void *finish) { while (!finish) sleep(1000); return 0; }
static int tasks(void) {
  int count = 0;
  DIR *folder = opendir("/proc/self/task");
  while (readdir(folder)) count++;
  closedir(folder);
  return count - 2;
}
int main(void) {
  pthread_t threads[4];
  for (long index = 0; index < 4; index++) pthread_create(&threads[index], 0, run, (void *)(index / 2));
  pthread_join(threads[2], 0);
  pthread_join(threads[3], 0);
  while (tasks() > 3) usleep(1000);
  zeroed[299999] = 1;
  printf("%zu %zu\\n", (size_t)&zeroed[299999], (size_t)&errno);
  fflush(stdout);
  for (;;) sleep(1000);
}
`;

for (const [how, options] of [
  ["at a fixed address", ["-static", "-no-pie"]],
  ["at a random address", ["-static-pie"]],
] as const) {
  test(`a static program ${how}, which has no dynamic loader`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "pystrata-static-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const [source, program] = [join(folder, "static.c"), join(folder, "static")];
    writeFileSync(source, PROGRAM);
    try {
      execFileSync("gcc", ["-pthread", ...options, source, "-o", program], { stdio: "pipe" });
    } catch {
      return t.skip("no C compiler that links static programs");
    }
    const target = startProcess(t, program, []);
    const [zeroed, errno] = (await target.line()).split(" ").map(Number);
    for (const registers of [true, false]) {
      const { mappings, libraries, claims } = classifyMappings(takeLiveImage(target.pid, { registers }));
      const rows = Array.from({ length: mappings.length }, (_, row) => row);
      const rowAt = (address: number) =>
        rows.find((row) => address >= mappings.start[row] && address < mappings.end[row]) ?? -1;
      assert.deepEqual(
        libraries.map((library) => library.path),
        [program],
      );
      assert.equal(mappings.part[rowAt(zeroed)], "bss");
      assert.equal(claims.find((claim) => errno >= claim.start && errno < claim.end)?.kind, ClaimKind.threadLocal);
      const stacks = rows.filter((row) => mappings.kind[row] === MappingKind.stack);
      assert.equal(stacks.filter((row) => mappings.label[row] === "stack of a finished thread").length, 2);
      assert.equal(stacks.filter((row) => mappings.thread[row] > 0).length, 3);
    }
  });
}
