import assert from "node:assert/strict";
import { test } from "node:test";
import { classifyMappings } from "../../src/strata/os/classify.ts";
import { findLibraryMappings } from "../../src/strata/os/library-mappings.ts";
import { MappingKind } from "../../src/strata/os/mapping-kind.ts";
import { takeLiveImage } from "../support/live-image.ts";
import { distributionPython } from "../support/pythons.ts";
import { startTarget } from "../support/spawn.ts";

/**
 * A variable of libc points at one of three mappings, its second page at the third; nothing points at the second one.
 * obstack_alloc_failed_handler is exported by every glibc, and only called when an obstack has no memory left.
 */
const TARGET = `
import ctypes, json, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
def fresh(size):
    # A guard on either side, so that no neighbour is merged with it.
    start = libc.mmap(None, size + 8192, 0, 0x22, -1, 0) + 4096
    libc.mprotect(ctypes.c_void_p(start), size, 3)
    ctypes.memset(start, 1, size)
    return start
owned, stray, chained = fresh(1 << 18), fresh(1 << 18), fresh(1 << 18)
ctypes.c_void_p.in_dll(libc, "obstack_alloc_failed_handler").value = owned + 24
ctypes.c_void_p.from_address(owned + 8192 + 8).value = chained
print(json.dumps({"owned": owned, "stray": stray, "chained": chained, "size": 1 << 18}), flush=True)
sys.stdin.read()
`;

test("memory that a library's data points at belongs to that library, and what that points at too", async (t) => {
  const target = startTarget(t, distributionPython(), TARGET);
  const { owned, stray, chained, size } = JSON.parse(await target.line());
  const image = takeLiveImage(target.pid);
  const os = classifyMappings(image);
  const unclaimed = [owned, stray, chained].map((start) => ({ start, end: start + size })).sort((a, b) => a.start - b.start);
  const claims = findLibraryMappings(image.image, os, unclaimed);
  assert.deepEqual(
    claims.map(({ start, end, label }) => ({ start, end, label })),
    [owned, chained].sort((a, b) => a - b).map((start) => ({ start, end: start + size, label: "libc.so.6" })),
  );
  assert.equal(os.libraries[claims[0].library!].name, "libc.so.6");
});

test("of large memory only the first page and page-aligned pointers count", async (t) => {
  const target = startTarget(
    t,
    distributionPython(),
    TARGET.replace("fresh(1 << 18), fresh(1 << 18), fresh(1 << 18)", "fresh(1 << 21), 0, fresh(1 << 18)"),
  );
  const { owned } = JSON.parse(await target.line());
  const image = takeLiveImage(target.pid);
  const os = classifyMappings(image);
  const end = owned + (1 << 21);
  const [whole] = findLibraryMappings(image.image, os, [{ start: owned, end }]);
  assert.deepEqual([whole.start, whole.end], [owned, end]);
  // Seen from a merged neighbour below, the pointer is to the middle of a page in the middle.
  assert.deepEqual(findLibraryMappings(image.image, os, [{ start: owned - 4096, end }]), []);
});

test("closures of libffi are libffi's", async (t) => {
  const code = `
import ctypes, sys
callbacks = [ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1) for _ in range(2000)]
print("ready", flush=True)
sys.stdin.read()
`;
  const target = startTarget(t, distributionPython(), code);
  await target.line();
  const image = takeLiveImage(target.pid);
  const os = classifyMappings(image);
  const { mappings } = os;
  const rows = Array.from({ length: mappings.length }, (_, row) => row);
  const executable = rows.filter((row) => mappings.kind[row] === MappingKind.anonymous && mappings.permissions[row] === "rwxp");
  // A libffi that was built with static trampolines or for hardened kernels keeps closures elsewhere.
  if (executable.length === 0) return t.skip("libffi keeps its closures in no anonymous executable memory here");
  const claims = findLibraryMappings(
    image.image,
    os,
    executable.map((row) => ({ start: mappings.start[row], end: mappings.end[row] })),
  );
  assert.equal(claims.length, executable.length);
  for (const claim of claims) assert.match(claim.label, /^libffi\.so/);
});
