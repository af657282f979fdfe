import assert from "node:assert/strict";
import { test } from "node:test";
import { cgroupHeadroomBytes, findMemoryCgroup, readOwnHeadroomBytes } from "../../../../src/target/proc/cgroup.ts";

const V1_MOUNT = "40 30 0:34 / /sys/fs/cgroup/memory rw,nosuid shared:15 - cgroup cgroup rw,memory\n";
const V2_MOUNT = "41 30 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";

const files = (contents: Record<string, string>) => (path: string) => contents[path];

test("cgroup: version 1 where it has the memory controller, else version 2", () => {
  const hybrid = "5:memory:/a/b\n2:cpu,cpuacct:/x\n0::/c\n";
  assert.deepEqual(findMemoryCgroup(hybrid, V2_MOUNT + V1_MOUNT), {
    version: 1,
    mountPoint: "/sys/fs/cgroup/memory",
    path: "/a/b",
  });
  assert.deepEqual(findMemoryCgroup("0::/c d\n", V2_MOUNT), { version: 2, mountPoint: "/sys/fs/cgroup/unified", path: "/c d" });
  assert.equal(findMemoryCgroup("2:cpu:/x\n", V1_MOUNT), undefined);
  assert.equal(findMemoryCgroup("", ""), undefined);
});

test("cgroup: a container sees its own cgroup as the mount's root", () => {
  const mount = "40 30 0:34 /docker/abc /sys/fs/cgroup/my\\040memory rw - cgroup cgroup rw,memory\n";
  const mountPoint = "/sys/fs/cgroup/my memory";
  assert.deepEqual(findMemoryCgroup("5:memory:/docker/abc/inner\n", mount), { version: 1, mountPoint, path: "/inner" });
  assert.deepEqual(findMemoryCgroup("5:memory:/docker/abc\n", mount), { version: 1, mountPoint, path: "/" });
  assert.deepEqual(findMemoryCgroup("5:memory:/\n", mount), { version: 1, mountPoint, path: "/" });
});

test("cgroup: headroom is the tightest ancestor's, inactive page cache counted as free", () => {
  const read = files({
    "/m/a/b/memory.max": "max\n",
    "/m/a/memory.max": "1000\n",
    "/m/a/memory.high": "900\n",
    "/m/a/memory.current": "500\n",
    "/m/a/memory.stat": "anon 300\ninactive_file 200\nactive_file 7\n",
    "/m/memory.max": "5000\n",
    "/m/memory.current": "1\n",
  });
  assert.equal(cgroupHeadroomBytes({ version: 2, mountPoint: "/m", path: "/a/b" }, read), 600);
});

test("cgroup: version 1's largest number is no limit, an overdrawn one leaves nothing", () => {
  const limit = (bytes: string) => files({ "/m/memory.limit_in_bytes": bytes, "/m/memory.usage_in_bytes": "2000" });
  const cgroup = { version: 1, mountPoint: "/m", path: "/" } as const;
  assert.equal(cgroupHeadroomBytes(cgroup, limit("9223372036854771712\n")), Number.POSITIVE_INFINITY);
  assert.equal(cgroupHeadroomBytes(cgroup, limit("1000\n")), 0);
  assert.ok(readOwnHeadroomBytes() > 0);
});
