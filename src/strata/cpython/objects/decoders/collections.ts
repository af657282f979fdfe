/** Containers of the standard library that are written in C. Sizes follow each type's `__sizeof__`. */
import * as P from "../../kernels/parameters.ts";
import type { ObjectContext } from "../object-context.ts";

/** Fields of a named sequence of C code; os.stat_result has 20. */
const MOST_MEMBERS = 1024;

/**
 * os.stat_result, time.struct_time, sys.flags … (Objects/structseq.c): tuples whose last items the length leaves out. How many
 * there are is in the offsets of the type's members.
 */
export function decodeStructSequence(context: ObjectContext, address: number, row: number): number {
  const { image, layout, kernels } = context;
  const items = layout.offset("PyTupleObject", "ob_item");
  const visible = image.i32(address + 16);
  const members = image.u64(image.u64(address + 8) + layout.offset("PyTypeObject", "tp_members"));
  let end = items + visible * 8;
  for (let index = 0; image.has(members) && index < MOST_MEMBERS; index++) {
    const member = members + index * layout.size("PyMemberDef");
    if (image.u64(member + layout.offset("PyMemberDef", "name")) === 0) break;
    end = Math.max(end, image.u64(member + layout.offset("PyMemberDef", "offset")) + 8);
  }
  context.cover(0, Number.POSITIVE_INFINITY);
  const count = (end - items) / 8;
  if (count > 0 && count <= MOST_MEMBERS) kernels.visitRun(image.wordOf(address + items), count, P.SLOT_ITEM);
  return context.basicBytes(row) + visible * 8;
}

/** collections.deque (Modules/_collectionsmodule.c): a chain of blocks of 64 items, and up to 16 spare blocks from 3.11. */
export function decodeDeque(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout, kernels } = context;
  const blockBytes = layout.size("deque_block");
  const data = layout.offset("deque_block", "data");
  const right = layout.offset("deque_block", "rightlink");
  const itemsPerBlock = (right - data) / 8;
  const leftIndex = image.u64(address + layout.offset("dequeobject", "leftindex"));
  const length = image.u64(address + 16);
  const last = image.u64(address + layout.offset("dequeobject", "rightblock"));
  let block = image.u64(address + layout.offset("dequeobject", "leftblock"));
  let from = leftIndex;
  const most = Math.min(context.most(blockBytes), Math.ceil((leftIndex + length) / itemsPerBlock) + 1);
  for (let left = length, links = 0; image.has(block) && links < most; links++) {
    if (context.claim(block, blockBytes, place) === 0) break;
    const count = Math.min(left, itemsPerBlock - from);
    if (count > 0) kernels.visitRun(image.wordOf(block + data + from * 8), count, P.SLOT_ITEM | (length - left));
    left -= count;
    from = 0;
    if (block === last) break;
    block = image.u64(block + right);
  }
  if (layout.has("dequeobject", "freeblocks")) {
    const spare = image.u64(address + layout.offset("dequeobject", "numfreeblocks"));
    const first = address + layout.offset("dequeobject", "freeblocks");
    for (let index = 0; index < Math.min(spare, 16); index++) {
      context.claimExtra(image.u64(first + index * 8), blockBytes, place);
    }
  }
  const blocks = Math.floor((leftIndex + length + itemsPerBlock - 1) / itemsPerBlock);
  return context.basicBytes(row) + blocks * blockBytes;
}

/** collections.OrderedDict (Objects/odictobject.c odict_sizeof): a dict, a table of nodes, and the nodes. */
export function decodeOrderedDict(context: ObjectContext, address: number, row: number, place: number): number {
  const { image, layout, kernels } = context;
  let bytes = context.basicBytes(row) + kernels.decodeDict(image.wordOf(address), place);
  const tableBytes = image.u64(address + layout.offset("PyODictObject", "od_fast_nodes_size")) * 8;
  context.claim(image.u64(address + layout.offset("PyODictObject", "od_fast_nodes")), tableBytes, place);
  bytes += tableBytes;
  const nodeBytes = layout.size("_odictnode");
  const next = layout.offset("_odictnode", "next");
  let node = image.u64(address + layout.offset("PyODictObject", "od_first"));
  const most = Math.min(context.most(nodeBytes), image.u64(address + layout.offset("PyDictObject", "ma_used")));
  for (let links = 0; image.has(node) && links < most; links++) {
    if (context.claim(node, nodeBytes, place) === 0) break;
    // A node counts its key, beside the dictionary.
    context.visit(image.u64(node + layout.offset("_odictnode", "key")), P.SLOT_MEMORY);
    node = image.u64(node + next);
  }
  const used = image.u64(address + layout.offset("PyDictObject", "ma_used"));
  return used > 0 ? bytes + used * nodeBytes : bytes;
}
