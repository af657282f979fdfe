import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MIB, PAGE_BYTES } from "../../../src/base/units.ts";
import type { Mapping } from "../../../src/target/mapping.ts";
import { pageWalks } from "../../../src/target/page-walks.ts";

const KINDS = [
  { permissions: "rw-p", inode: 0, path: "", file: false },
  { permissions: "rw-p", inode: 0, path: "[heap]", file: false },
  { permissions: "---p", inode: 0, path: "", file: false },
  { permissions: "rw-s", inode: 0, path: "/SYSV00000000 (deleted)", file: true },
  { permissions: "rw-s", inode: 7, path: "/dev/zero (deleted)", file: true },
  { permissions: "rw-p", inode: 7, path: "/lib/libc.so", file: true },
] as const;

const mappingsOf = (parts: readonly (readonly [kind: number, pages: number, gap: number])[]): Mapping[] => {
  let start = 0x10000;
  return parts.map(([kind, pages, gap]) => {
    const { permissions, inode, path } = KINDS[kind];
    const mapping = { start, end: start + pages * PAGE_BYTES, permissions, offset: 0, device: "00:00", inode, path };
    start = mapping.end + gap * PAGE_BYTES;
    return mapping;
  });
};
const mayHaveFilePages = ({ permissions, inode, path }: Mapping): boolean =>
  KINDS.some((kind) => kind.file && kind.permissions === permissions && kind.inode === inode && kind.path === path);

test("walks cover every mapping once, in order, and none without files holds a file", () => {
  const part = fc.tuple(fc.nat(KINDS.length - 1), fc.integer({ min: 1, max: 2000 }), fc.nat(3));
  fc.assert(
    fc.property(fc.array(part, { maxLength: 30 }), (parts) => {
      const mappings = mappingsOf(parts);
      const walks = pageWalks(mappings);
      let next = 0;
      for (const { first, end, anonymous } of walks) {
        assert.equal(first, next);
        assert.ok(end > first);
        next = end;
        if (anonymous) assert.ok(!mappings.slice(first, end).some(mayHaveFilePages));
      }
      assert.equal(next, mappings.length);
      // Two in a row that ask the same would be one.
      for (let walk = 1; walk < walks.length; walk++) assert.notEqual(walks[walk].anonymous, walks[walk - 1].anonymous);
    }),
  );
});

test("large anonymous memory is walked apart, small pieces go with their neighbours", () => {
  const large = (8 * MIB) / PAGE_BYTES;
  const mappings = mappingsOf([
    [5, 3, 0],
    [0, 2, 0],
    [5, 3, 0],
    [0, large, 0],
    [2, 1, 0],
    [0, large, 0],
    [4, 9, 0],
  ]);
  assert.deepEqual(pageWalks(mappings), [
    { first: 0, end: 3, anonymous: false },
    { first: 3, end: 6, anonymous: true },
    { first: 6, end: 7, anonymous: false },
  ]);
});
