/** What a person means by an address or a type's name. */
import { fail, type Result, succeed } from "../base/result.ts";
import { formatAddress } from "../base/units.ts";
import type { Snapshot } from "../snapshot/tables.ts";
import { type Explanation, explainAddress, placeCovering } from "./explain.ts";
import { qualifiedTypeName } from "./types.ts";

/** Most names that are offered instead of one that does not occur. */
const MOST_SUGGESTIONS = 3;
/** A name further away than a third of its length is no slip of the finger. */
const LARGEST_DISTANCE = 1 / 3;
const LONGEST_NAME = 200;

/** Place of the object that an address lies in, its gc header included; else a sentence that says what lies there instead. */
export function objectOfAddress(snapshot: Snapshot, address: number): Result<number> {
  const place = placeCovering(snapshot, address);
  if (place >= 0) return succeed(place);
  const explanation = explainAddress(snapshot, address);
  if (!explanation) return fail("usage", `${formatAddress(address)} is in no object: nothing is mapped there.`);
  const sentence = `${formatAddress(address)} is in no object: ${whatItIs(explanation)}.`;
  const { owner } = explanation;
  const hint = owner
    ? `Its owner is the ${snapshot.types.name[owner.type]} at ${formatAddress(owner.address)}.`
    : `pystrata explain PID ${formatAddress(address)} shows every stratum's answer.`;
  return fail("usage", sentence, hint);
}

/** The innermost stratum that knows the address. */
function whatItIs({ pymalloc, malloc, mapping, owner, page }: Explanation): string {
  if (owner) return "it lies in a buffer that an object owns";
  if (pymalloc) {
    const block = pymalloc.block === undefined ? "" : ` at ${formatAddress(pymalloc.block)}`;
    switch (pymalloc.state) {
      case "free":
        return `it lies in a free block${block} of pymalloc`;
      case "free list":
        return `it lies in a dead object${block} that CPython keeps for reuse`;
      case "object":
        return `it lies behind the object in its block${block}`;
      case "empty pool":
      case "pool header":
      case "pool tail":
        return `it lies in the ${pymalloc.state} at ${formatAddress(pymalloc.pool)}`;
      default:
        return `it lies in a block${block} of pymalloc that holds no object`;
    }
  }
  if (malloc) return `it lies in a chunk of ${malloc.allocator} at ${formatAddress(malloc.chunk)} (${malloc.state})`;
  const where = mapping.library ?? mapping.path;
  if (where !== "") return `it lies in ${mapping.part ? `the ${mapping.part} of ` : ""}${where}`;
  return page.state === "resident" ? `it lies in ${mapping.claim ?? "an anonymous mapping"}` : `its page is ${page.state}`;
}

/**
 * Types by name: `Session`, or with its module or the end of it, `session.Session`, `parley.session.Session`. Several types of one
 * name are all listed. Where there is none, the failure offers the closest names. O(types).
 */
export function typesOfName(snapshot: Snapshot, text: string): Result<readonly number[]> {
  const { types } = snapshot;
  const found: number[] = [];
  for (let type = 0; type < types.length; type++) {
    const name = qualifiedTypeName(types, type);
    if (name === text || name.endsWith(`.${text}`) || `builtins.${name}` === text) found.push(type);
  }
  if (found.length > 0) return succeed(found);
  const closest = closestNames(snapshot, text);
  const hint = closest.length > 0 ? `Closest: ${closest.join(", ")}.` : "pystrata types PID lists all types.";
  return fail("usage", `No type named ${text} has an instance.`, hint);
}

function closestNames({ types }: Snapshot, text: string): readonly string[] {
  const wanted = text.slice(0, LONGEST_NAME).toLowerCase();
  const distances = new Map<string, number>();
  for (let type = 0; type < types.length; type++) {
    const qualified = qualifiedTypeName(types, type);
    const compared = wanted.includes(".") ? qualified : types.name[type];
    const distance = editDistance(wanted, compared.slice(0, LONGEST_NAME).toLowerCase());
    if (distance <= Math.max(1, wanted.length * LARGEST_DISTANCE)) distances.set(qualified, distance);
  }
  const closest = [...distances].sort(([left, near], [right, far]) => near - far || (left < right ? -1 : 1));
  return closest.slice(0, MOST_SUGGESTIONS).map(([name]) => name);
}

/** Letters to insert, delete or replace (V. I. Levenshtein, 1966). O(left · right). */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let index = 1; index <= left.length; index++) {
    const next = [index];
    for (let column = 1; column <= right.length; column++) {
      const replaced = row[column - 1] + Number(left[index - 1] !== right[column - 1]);
      next.push(Math.min(replaced, row[column] + 1, next[column - 1] + 1));
    }
    row = next;
  }
  return row[right.length];
}
