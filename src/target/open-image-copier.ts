import { FileCopier } from "./file-copier.ts";
import type { ImageCopier } from "./image-copier.ts";
import { Errno, IoVectors, type NativeCalls } from "./native.ts";
import { VectorCopier } from "./vector-copier.ts";

/** Starting a thread costs about 30 ms, outside the pause; with less to copy it saves less than that in all. */
const SECOND_THREAD_BYTES = 128 * 1024 * 1024;

/**
 * The fastest way to copy that this host allows: process_vm_readv, else reads of /proc/PID/mem.
 * @param bytes what will be copied, roughly
 */
export function openImageCopier(pid: number, native: NativeCalls | undefined, bytes: number): ImageCopier {
  return native && mayReadVectors(pid, native)
    ? new VectorCopier(pid, native, bytes > SECOND_THREAD_BYTES)
    : new FileCopier(pid);
}

/** Asks for a byte at address 0, which nobody has: what comes back is why not. Seccomp profiles of containers forbid the call. */
function mayReadVectors(pid: number, native: NativeCalls): boolean {
  const local = new IoVectors(1);
  const remote = new IoVectors(1);
  local.set(0, native.addressOf(local.words), 1);
  remote.set(0, 0, 1);
  const result = native.processVmReadv(pid, local, 1, remote, 1);
  return result !== -Errno.EPERM && result !== -Errno.ENOSYS;
}
