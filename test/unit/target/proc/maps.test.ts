import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeviceMapping, isKernelMapping, parseMaps, readMaps, splitDeleted } from "../../../../src/target/proc/maps.ts";

const TEXT = `55d0c0a00000-55d0c0a28000 r--p 00000000 fe:00 1573012                    /usr/bin/python3.11
55d0c1b5e000-55d0c1e9c000 rw-p 00000000 00:00 0                          [heap]
7f0000000000-7f0000021000 rw-p 00000000 00:00 0 
7f0000021000-7f0004000000 ---p 00000000 00:00 0 
7f1111111000-7f1111112000 r-xp 00001000 08:0a 42                         /tmp/two words and\\012a line (deleted)
7f2222222000-7f2222223000 rw-s 00000000 00:01 7                          /SYSV00000000 (deleted)
7ffff7fc1000-7ffff7fc5000 r--p 00000000 00:00 0                          [vvar]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`;

test("maps: numbers, permissions, empty, odd and deleted paths; vsyscall lies outside user space", () => {
  const mappings = parseMaps(TEXT);
  assert.equal(mappings.length, 7);
  assert.deepEqual(mappings[0], {
    start: 0x55d0c0a00000,
    end: 0x55d0c0a28000,
    permissions: "r--p",
    offset: 0,
    device: "fe:00",
    inode: 1573012,
    path: "/usr/bin/python3.11",
  });
  assert.equal(mappings[2].path, "");
  assert.equal(mappings[4].path, "/tmp/two words and\na line (deleted)");
  assert.equal(mappings[4].offset, 0x1000);
  assert.deepEqual(splitDeleted(mappings[4].path), { path: "/tmp/two words and\na line", deleted: true });
  assert.deepEqual(splitDeleted("/bin/sh"), { path: "/bin/sh", deleted: false });
});

test("maps: garbage, overlaps and half lines are left out", () => {
  const overlapping = "1000-3000 r--p 00000000 00:00 0 \n2000-4000 r--p 00000000 00:00 0 \n4000-5000 rw-p 00000000 00:00 0 \n";
  assert.deepEqual(
    parseMaps(overlapping).map(({ start }) => start),
    [0x1000, 0x4000],
  );
  assert.deepEqual(parseMaps("5000-4000 r--p 00000000 00:00 0\nhello\n1000-2000 rw"), []);
  assert.deepEqual(parseMaps(""), []);
});

test("maps: what a driver answers for is told from shared memory by name", () => {
  const at = (path: string) => ({ ...parseMaps(TEXT)[0], path });
  const devices = ["/dev/dri/renderD128", "/dev/mem", "socket:[1234]", "anon_inode:[perf_event]", "/dmabuf:"];
  const memory = ["/dev/zero (deleted)", "/dev/shm/a", "/dev/hugepages/b", "/memfd:x (deleted)", "/devices", ""];
  assert.deepEqual(
    devices.filter((path) => !isDeviceMapping(at(path))),
    [],
  );
  assert.deepEqual(
    memory.filter((path) => isDeviceMapping(at(path))),
    [],
  );
  assert.equal(isKernelMapping(at("[vvar_vclock]")), true);
  assert.equal(isKernelMapping(at("[heap]")), false);
});

test("maps: our own, and a PID of nobody", () => {
  const own = readMaps(process.pid);
  assert.ok(own.ok && own.value.some(({ path }) => path === "[stack]"));
  const none = readMaps(2 ** 22 + 1);
  assert.ok(!none.ok && none.failure.code === "no-such-process");
});

test("maps: a path may hold what ends a line elsewhere", () => {
  const path = "/tmp/a\rb\u2028c\u0085d";
  const [mapping] = parseMaps(`7f0000000000-7f0000001000 r--s 00000000 08:01 42 ${path.replace("b", "\\012")}\n`);
  assert.equal(mapping.path, path.replace("b", "\n"));
});
