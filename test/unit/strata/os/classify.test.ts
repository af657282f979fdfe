import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MIB, PAGE_BYTES } from "../../../../src/base/units.ts";
import * as snapshot from "../../../../src/snapshot/tables.ts";
import { ClaimKind } from "../../../../src/strata/os/claim-kind.ts";
import { classifyMappings } from "../../../../src/strata/os/classify.ts";
import { MappingKind } from "../../../../src/strata/os/mapping-kind.ts";
import { PageState } from "../../../../src/target/process-image.ts";
import { syntheticImage } from "../../../support/synthetic-image.ts";

test("kinds have the values of the snapshot", () => {
  assert.deepEqual({ ...MappingKind }, { ...snapshot.MappingKind });
  for (const [name, value] of Object.entries(ClaimKind)) {
    assert.equal(value, snapshot.ClaimKind[name as keyof typeof snapshot.ClaimKind], name);
  }
});

/** One mapping each, no library among them. */
const NAMED: readonly (readonly [permissions: string, device: string, path: string, kind: number, label: string])[] = [
  ["rw-p", "00:00 0", "", MappingKind.anonymous, "anonymous"],
  ["---p", "00:00 0", "", MappingKind.anonymous, "reserved"],
  ["rwxp", "00:00 0", "", MappingKind.anonymous, "executable anonymous memory"],
  ["rw-p", "00:00 0", "[heap]", MappingKind.heap, "heap"],
  ["rw-p", "00:00 0", "[stack]", MappingKind.stack, "stack of the main thread"],
  ["rw-p", "00:00 0", "[stack:117]", MappingKind.stack, "stack of thread 117"],
  ["r-xp", "00:00 0", "[vdso]", MappingKind.kernel, "[vdso]"],
  ["r--p", "00:00 0", "[vvar]", MappingKind.kernel, "[vvar]"],
  ["r--p", "00:00 0", "[vvar_vclock]", MappingKind.kernel, "[vvar_vclock]"],
  ["rw-p", "00:00 0", "[anon: glibc: malloc arena]", MappingKind.anonymous, "glibc: malloc arena"],
  ["rw-p", "00:00 0", "[anon:v8]", MappingKind.anonymous, "v8"],
  ["rw-s", "00:01 31", "[anon_shmem:ring]", MappingKind.shared, "shared memory [anon_shmem:ring]"],
  ["rw-s", "00:01 32", "/dev/zero (deleted)", MappingKind.shared, "shared memory /dev/zero (deleted)"],
  ["rw-p", "00:06 33", "/dev/zero", MappingKind.anonymous, "anonymous"],
  ["rw-s", "00:01 34", "/memfd:pool (deleted)", MappingKind.shared, "shared memory /memfd:pool (deleted)"],
  ["r-xs", "00:01 35", "/memfd:libffi (deleted)", MappingKind.shared, "libffi closures"],
  ["rw-s", "00:16 36", "/dev/shm/psm_1f", MappingKind.shared, "shared memory /dev/shm/psm_1f"],
  ["rw-s", "00:01 37", "/SYSV00000000 (deleted)", MappingKind.shared, "shared memory /SYSV00000000 (deleted)"],
  ["rw-p", "00:0f 38", "/anon_hugepage (deleted)", MappingKind.anonymous, "huge page pool"],
  ["rwxp", "00:0f 44", "/anon_hugepage (deleted)", MappingKind.anonymous, "huge page pool"],
  ["rw-s", "00:05 39", "/dev/nvidia0", MappingKind.device, "/dev/nvidia0"],
  ["rw-s", "00:0e 40", "anon_inode:[io_uring]", MappingKind.device, "anon_inode:[io_uring]"],
  ["rw-s", "00:13 41", "/[aio] (deleted)", MappingKind.kernel, "/[aio] (deleted)"],
  ["r--p", "fe:00 42", "/usr/lib/locale/locale-archive", MappingKind.file, "/usr/lib/locale/locale-archive"],
  ["rw-s", "fe:00 43", "/var/lib/index with blank.mm (deleted)", MappingKind.file, "/var/lib/index with blank.mm (deleted)"],
];

test("every kind of mapping is known by its name", () => {
  const maps = NAMED.map(([permissions, device, path], index) => {
    const start = 0x7f0000000000 + index * MIB;
    return `${start.toString(16)}-${(start + PAGE_BYTES).toString(16)} ${permissions} 00000000 ${device}      ${path}`;
  }).join("\n");
  const { mappings, libraries } = classifyMappings(syntheticImage({ maps }));
  assert.equal(libraries.length, 0);
  assert.equal(mappings.length, NAMED.length);
  for (const [row, [, , path, kind, label]] of NAMED.entries()) {
    assert.equal(mappings.kind[row], kind, path);
    assert.equal(mappings.label[row], label, path);
    assert.equal(mappings.hugetlb[row], path.startsWith("/anon_hugepage") ? 1 : 0, path);
  }
  assert.equal(mappings.thread[NAMED.findIndex(([, , path]) => path === "[stack:117]")], 117);
});

const BASE = 0x7f1000000000;
/** A library of the modern layout with anonymous memory of 4 pages behind it, 1 page each part. */
const LIBRARY = [
  ["r--p 00000000 fe:00 7", "/lib/liba.so.1"],
  ["r-xp 00001000 fe:00 7", "/lib/liba.so.1"],
  ["r--p 00002000 fe:00 7", "/lib/liba.so.1"],
  ["r--p 00002000 fe:00 7", "/lib/liba.so.1"],
  ["rw-p 00003000 fe:00 7", "/lib/liba.so.1"],
  ["rw-p 00000000 00:00 0", ""],
]
  .map(
    ([middle, path], page) =>
      `${(BASE + page * PAGE_BYTES).toString(16)}-${(BASE + (page + 1) * PAGE_BYTES).toString(16)} ${middle} ${path}`,
  )
  .join("\n");

test("parts of a library", () => {
  const { mappings, libraries } = classifyMappings(syntheticImage({ maps: LIBRARY }));
  assert.deepEqual(
    libraries.map(({ name, deleted, starts }) => ({ name, deleted, starts })),
    [{ name: "liba.so.1", deleted: false, starts: [BASE] }],
  );
  assert.deepEqual(mappings.part, ["header", "code", "read-only data", "relro", "data", "bss"]);
  assert.deepEqual([...mappings.library], [0, 0, 0, 0, 0, 0]);
});

test("a library that was replaced on disk and loaded again is two, with two names", () => {
  const again = LIBRARY.replaceAll("7f1", "7f2").replaceAll("fe:00 7", "fe:00 8");
  const { libraries } = classifyMappings(syntheticImage({ maps: `${LIBRARY.replaceAll("so.1", "so.1 (deleted)")}\n${again}` }));
  assert.deepEqual(
    libraries.map(({ path, name, deleted }) => ({ path, name, deleted })),
    [
      { path: "/lib/liba.so.1", name: "lib/liba.so.1 #1", deleted: true },
      { path: "/lib/liba.so.1", name: "lib/liba.so.1 #2", deleted: false },
    ],
  );
});

test("without a control block a stack reaches from guard page to guard page", () => {
  // Two stacks that lie in one mapping, as with glibc 2.43, below memory that is no stack of a known thread.
  const start = 0x7f3000000000;
  const page = (index: number) => start + index * PAGE_BYTES;
  const image = syntheticImage({
    maps: `${page(0).toString(16)}-${page(30).toString(16)} rw-p 00000000 00:00 0 `,
    threads: [
      { tid: 100, name: "main" },
      { tid: 101, name: "first", stackPointer: page(8) },
      { tid: 102, name: "second", stackPointer: page(18) + 8 },
    ],
    runs: [
      { start: page(0), end: page(1), state: PageState.guard },
      { start: page(8), end: page(10), state: PageState.present | PageState.counted },
      { start: page(10), end: page(11), state: PageState.guard },
      { start: page(18), end: page(20), state: PageState.present | PageState.counted },
      { start: page(20), end: page(21), state: PageState.guard },
      { start: page(25), end: page(26), state: PageState.present | PageState.counted | PageState.huge },
      { start: page(27), end: page(28), state: PageState.present | PageState.zero },
      { start: page(28), end: page(30), state: PageState.swapped },
    ],
  });
  const { mappings, claims } = classifyMappings(image);
  const pages = (address: number) => (address - start) / PAGE_BYTES;
  const rows = Array.from({ length: mappings.length }, (_, row) => [
    pages(mappings.start[row]),
    pages(mappings.end[row]),
    mappings.thread[row],
  ]);
  assert.deepEqual(rows, [
    [0, 1, -1],
    [1, 10, 101],
    [10, 11, -1],
    [11, 20, 102],
    [20, 30, -1],
  ]);
  assert.deepEqual(
    [...mappings.residentBytes].map((bytes) => bytes / PAGE_BYTES),
    [0, 2, 0, 2, 1],
  );
  assert.deepEqual(
    [mappings.zeroBytes[4], mappings.hugeBytes[4], mappings.swappedBytes[4]],
    [PAGE_BYTES, PAGE_BYTES, 2 * PAGE_BYTES],
  );
  assert.deepEqual(
    claims.map((claim) => claim.label),
    ["stack of thread 101 (first)", "stack of thread 102 (second)"],
  );
});

test("a stack that a control block describes is exact though its neighbour was merged with it", () => {
  const start = 0x7f4000000000;
  const [stackStart, stackEnd, end] = [start + PAGE_BYTES, start + MIB, start + 2 * MIB];
  const block = stackEnd - 0x940;
  const image = syntheticImage({
    maps: `${stackStart.toString(16)}-${end.toString(16)} rw-p 00000000 00:00 0 `,
    threads: [{ tid: 101, name: "worker", stackPointer: stackEnd - 0x2000, threadPointer: block }],
    words: new Map([
      [block, block],
      [block + 16, block],
      [block + 0x2d0, 101],
      // stackblock and its size; the guard page is part of it.
      [block + 0x690, start],
      [block + 0x698, stackEnd - start],
    ]),
  });
  const { mappings, claims } = classifyMappings(image);
  assert.deepEqual([...mappings.end], [stackEnd, end]);
  assert.deepEqual([...mappings.kind], [MappingKind.stack, MappingKind.anonymous]);
  assert.deepEqual(
    claims.map(({ start, end, kind }) => ({ start, end, kind })),
    [
      { start: stackStart, end: block, kind: ClaimKind.stack },
      { start: block, end: stackEnd, kind: ClaimKind.threadLocal },
    ],
  );
});

/** Addresses that make structures which point at themselves and at each other likely. */
const LOADER = `${BASE.toString(16)}-${(BASE + 4 * PAGE_BYTES).toString(16)} r-xp 00000000 fe:00 9 /lib/ld-linux-x86-64.so.2
${(BASE + 4 * PAGE_BYTES).toString(16)}-${(BASE + 8 * PAGE_BYTES).toString(16)} rw-p 00004000 fe:00 9 /lib/ld-linux-x86-64.so.2
${(BASE + 8 * PAGE_BYTES).toString(16)}-${(BASE + 16 * PAGE_BYTES).toString(16)} rw-p 00000000 00:00 0 `;
const anyPlace = fc.integer({ min: 0, max: (12 * PAGE_BYTES) / 64 - 1 }).map((index) => BASE + 4 * PAGE_BYTES + index * 64);
const anyValue = fc.oneof(
  anyPlace,
  anyPlace.map((place) => place + 0x2c0),
  fc.constantFrom(BASE, 1, 2, PAGE_BYTES, 2 ** 47 - 8, 2 ** 53, 64 * MIB),
);

test("garbage in the target neither hangs nor throws, and rows still tile the mappings", () => {
  const structure = fc.tuple(anyPlace, fc.constantFrom(0, 8, 16, 24, 32, 0x2c0, 0x2c8, 0x2d0, 0x690, 0x698), anyValue);
  const selfPointing = anyPlace.map((place): [number, number][] => [
    [place, place],
    [place + 16, place],
  ]);
  fc.assert(
    fc.property(
      fc.array(structure, { maxLength: 60 }),
      fc.array(selfPointing, { maxLength: 20 }),
      anyPlace,
      (fields, blocks, threadPointer) => {
        const words = new Map([
          ...fields.map(([place, offset, value]): [number, number] => [place + offset, value]),
          ...blocks.flat(),
        ]);
        const image = syntheticImage({
          maps: LOADER,
          words,
          threads: [{ tid: 1, threadPointer, stackPointer: threadPointer }],
        });
        const { mappings, claims } = classifyMappings(image);
        assert.equal(mappings.start[0], BASE);
        for (let row = 1; row < mappings.length; row++) assert.equal(mappings.start[row], mappings.end[row - 1]);
        assert.equal(mappings.end[mappings.length - 1], BASE + 16 * PAGE_BYTES);
        for (let at = 1; at < claims.length; at++) assert.ok(claims[at - 1].end <= claims[at].start);
      },
    ),
    { numRuns: 300 },
  );
});
