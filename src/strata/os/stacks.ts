import type { Mapping } from "../../target/mapping.ts";
import { type PageRuns, PageState, type ProcessImage } from "../../target/process-image.ts";
import { disjoint, type Range } from "./address-ranges.ts";
import type { ThreadBlock } from "./thread-blocks.ts";

/** A thread's stack, control block and static thread-local storage included. */
export interface ThreadStack extends Range {
  /** -1 when the thread has finished and glibc keeps the stack for the next one. */
  readonly tid: number;
  /** Where the thread-local storage begins; `end` when that is not known. */
  readonly storageStart: number;
  /** For people; holds the thread's name, hostile text. */
  readonly label: string;
}

/**
 * The stacks of all threads but the main thread's, which the kernel names itself; ascending and disjoint.
 * A stack that a control block describes is exact. Otherwise it is the private anonymous mapping that the stack pointer
 * lies in, as far as the next guard pages.
 */
export function findThreadStacks(image: ProcessImage, blocks: readonly ThreadBlock[]): ThreadStack[] {
  const names = new Map(image.threads.map((thread) => [thread.tid, thread.name]));
  const stacks: ThreadStack[] = [];
  const described = new Set<number>();
  for (const block of blocks) {
    if (block.stack === undefined) continue;
    const live = block.tid !== 0;
    if (live) described.add(block.tid);
    stacks.push({
      ...block.stack,
      tid: live ? block.tid : -1,
      storageStart: block.storageStart,
      label: live ? stackLabel(block.tid, names.get(block.tid)) : "stack of a finished thread",
    });
  }
  for (const { tid, name, stackPointer } of image.threads) {
    if (tid === image.pid || stackPointer === undefined || described.has(tid)) continue;
    const range = rangeAround(image, stackPointer);
    if (range !== undefined) stacks.push({ ...range, tid, storageStart: range.end, label: stackLabel(tid, name) });
  }
  return disjoint(stacks);
}

function stackLabel(tid: number, name: string | undefined): string {
  return name ? `stack of thread ${tid} (${name})` : `stack of thread ${tid}`;
}

function rangeAround(image: ProcessImage, stackPointer: number): Range | undefined {
  const mapping = image.mappings.find(({ start, end }) => stackPointer >= start && stackPointer < end);
  return mapping !== undefined && canBeStack(mapping) ? betweenGuards(mapping, image.pages, stackPointer) : undefined;
}

function canBeStack(mapping: Mapping): boolean {
  return (
    mapping.permissions.startsWith("rw") && mapping.permissions[3] === "p" && mapping.inode === 0 && mapping.path !== "[heap]"
  );
}

/** Since glibc 2.43 guard pages lie inside the mapping, so that neighbouring stacks are one mapping. */
function betweenGuards(mapping: Mapping, pages: PageRuns, address: number): Range {
  let { start, end } = mapping;
  for (let run = 0; run < pages.length; run++) {
    if ((pages.state[run] & PageState.guard) === 0) continue;
    if (pages.end[run] <= address) start = Math.max(start, pages.end[run]);
    else if (pages.start[run] > address) end = Math.min(end, pages.start[run]);
  }
  return { start, end };
}
