import type { Mapping } from "../../target/mapping.ts";
import { isDeviceMapping, isKernelMapping } from "../../target/proc/maps.ts";
import { MappingKind } from "./mapping-kind.ts";

/** Kind of a mapping that is no library, by its name (fs/proc/task_mmu.c `show_map_vma`, mm/shmem.c, ipc/shm.c). */
export function kindOf(mapping: Mapping): MappingKind {
  const { path, permissions } = mapping;
  const isShared = permissions[3] === "s";
  if (path === "") return isShared ? MappingKind.shared : MappingKind.anonymous;
  if (path === "[heap]") return MappingKind.heap;
  if (/^\[stack(:\d+)?\]$/.test(path)) return MappingKind.stack;
  if (isKernelMapping(mapping) || path.startsWith("/[aio]")) return MappingKind.kernel;
  if (/^\/(memfd:|dev\/shm\/|SYSV)|^\[anon_shmem:/.test(path)) return MappingKind.shared;
  // A private mapping of /dev/zero or of the hugetlb pool is anonymous memory under another name.
  if (/^\/(dev\/zero|anon_hugepage)/.test(path)) return isShared ? MappingKind.shared : MappingKind.anonymous;
  if (isDeviceMapping(mapping)) return MappingKind.device;
  if (path.startsWith("/")) return MappingKind.file;
  return isShared ? MappingKind.shared : MappingKind.anonymous;
}

/** What such a mapping is, for people; may hold hostile text. */
export function labelOf(mapping: Mapping, kind: MappingKind): string {
  switch (kind) {
    case MappingKind.heap:
      return "heap";
    case MappingKind.shared:
      return /libffi/.test(mapping.path) ? "libffi closures" : `shared memory ${mapping.path}`.trimEnd();
    case MappingKind.anonymous:
      return anonymousLabel(mapping);
    case MappingKind.stack:
    case MappingKind.library:
    case MappingKind.file:
    case MappingKind.kernel:
    case MappingKind.device:
      return mapping.path;
  }
}

function anonymousLabel(mapping: Mapping): string {
  if (mapping.path !== "") {
    const named = /^\[anon: ?(.*)\]$/s.exec(mapping.path);
    if (named) return named[1];
    if (isHugetlb(mapping)) return "huge page pool";
  }
  if (mapping.permissions.startsWith("---")) return "reserved";
  // libffi writes its closures here; so do JIT compilers.
  if (mapping.permissions[2] === "x") return "executable anonymous memory";
  return "anonymous";
}

/** True for memory of the hugetlb pool, as far as the name tells. */
export function isHugetlb(mapping: Mapping): boolean {
  return /^\/(anon_hugepage|dev\/hugepages\/)/.test(mapping.path);
}
