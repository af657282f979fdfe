/** Names of the fields of instances, type by type. */
import type { MemoryReader } from "../../../target/memory-reader.ts";
import { FRAME_HOLDERS, FRAME_STRUCTURE, KNOWN_FIELDS } from "./type-field-names.ts";
import type { WholeHeap } from "./whole-heap.ts";

/** T_OBJECT and T_OBJECT_EX (Include/structmember.h): members that are references. */
const OBJECT_MEMBERS: ReadonlySet<number> = new Set([6, 16]);
/** A class statement's `__slots__`, or a C type's members; a corrupt list must end. */
const MOST_MEMBERS = 4096;
const LARGEST_OFFSET = 1 << 20;
/** A longest chain of bases that is believed. */
const MOST_BASES = 64;
/** Object header: position 0 is the word behind it (`SlotPart.field`). */
const HEADER_BYTES = 16;
const POINTER_BYTES = 8;

/** A field of a type's instances that has a name. */
export interface FieldName {
  /** (offset − 16) / 8. */
  readonly position: number;
  /** The attribute, or the C field in angle brackets where Python has none; hostile text. */
  readonly name: string;
}

/** Reads the names of fields; types share those of their bases, which are read once. */
export class TypeFieldReader {
  private readonly known = new Map<number, readonly FieldName[]>();
  private readonly memberBytes: number;
  private readonly member: { readonly name: number; readonly offset: number; readonly type: number };
  private readonly type: { readonly name: number; readonly base: number; readonly members: number };

  constructor(private readonly heap: WholeHeap) {
    const { layout } = heap.runtime;
    this.memberBytes = layout.size("PyMemberDef");
    const ofMember = (field: string) => layout.offset("PyMemberDef", field);
    this.member = { name: ofMember("name"), offset: ofMember("offset"), type: ofMember("type") };
    const ofType = (field: string) => layout.offset("PyTypeObject", field);
    this.type = { name: ofType("tp_name"), base: ofType("tp_base"), members: ofType("tp_members") };
  }

  /** Fields of a type's instances by ascending position, the bases' included; the nearest name of a position counts. */
  fieldsOf(type: number, depth = 0): readonly FieldName[] {
    const known = this.known.get(type);
    if (known !== undefined) return known;
    const { image } = this.heap;
    const base = image.u64(type + this.type.base);
    const inherited = base !== 0 && image.has(base) && depth < MOST_BASES ? this.fieldsOf(base, depth + 1) : NO_FIELDS;
    const isPython = this.heap.isPythonClass(type);
    const own = isPython
      ? this.members(type, image)
      : [...this.structureFields(type), ...this.members(type, this.heap.readOnly)];
    // Most classes add nothing, and share one list then.
    const fields = own.length === 0 ? inherited : merged(inherited, own);
    if (depth > 0) this.known.set(type, fields);
    return fields;
  }

  /**
   * `__slots__` of a class, tp_members of a C type (Include/descrobject.h PyMemberDef).
   *
   * @param elsewhere reads what the image does not have: those of C types may lie in pages that it leaves out
   */
  private members(type: number, elsewhere: MemoryReader): FieldName[] {
    const { image, text } = this.heap;
    const members = image.u64(type + this.type.members);
    if (members === 0) return [];
    const reader = image.u64(members) !== 0 ? image : elsewhere;
    const found: FieldName[] = [];
    for (let index = 0; index < MOST_MEMBERS; index++) {
      const member = members + index * this.memberBytes;
      const nameAddress = reader.u64(member + this.member.name);
      if (nameAddress === 0) break;
      const offset = reader.u64(member + this.member.offset);
      if (!OBJECT_MEMBERS.has(reader.u32(member + this.member.type)) || !isFieldOffset(offset)) continue;
      const name = text(nameAddress);
      if (name) found.push({ position: (offset - HEADER_BYTES) / POINTER_BYTES, name });
    }
    return found;
  }

  /** What the layout tables know of the interpreter's own types. */
  private structureFields(type: number): FieldName[] {
    const { runtime, image, text } = this.heap;
    const { layout } = runtime;
    const name = text(image.u64(type + this.type.name)) ?? "";
    const fields = KNOWN_FIELDS.get(name);
    const structure = fields?.structures.find((candidate) => layout.has(candidate));
    if (fields === undefined || structure === undefined) return [];
    const own = this.fieldsOfStructure(structure, 0, (field) => fields.attributes[field]);
    // A class's own structure goes on behind that of all types.
    const heapType = name === "type" ? this.fieldsOfStructure("PyHeapTypeObject", 0, heapTypeAttribute) : [];
    const holder = FRAME_HOLDERS.get(name);
    if (holder === undefined || !layout.has(FRAME_STRUCTURE)) return [...own, ...heapType];
    const [holding, at, code] = holder;
    const frame = this.fieldsOfStructure(FRAME_STRUCTURE, layout.offset(holding, at), (field) =>
      field === "f_code" || field === "f_executable"
        ? code
        : name === "frame" && field !== "f_func"
          ? frameAttribute(field)
          : undefined,
    );
    return [...own, ...frame];
  }

  private fieldsOfStructure(structure: string, start: number, attribute: (field: string) => string | undefined): FieldName[] {
    const { layout } = this.heap.runtime;
    return layout
      .fields(structure)
      .filter((field) => layout.fieldSize(structure, field) === POINTER_BYTES)
      .filter((field) => isFieldOffset(start + layout.offset(structure, field)))
      .map((field) => ({
        position: (start + layout.offset(structure, field) - HEADER_BYTES) / POINTER_BYTES,
        name: attribute(field) ?? `<${field}>`,
      }));
  }
}

const NO_FIELDS: readonly FieldName[] = [];

/** What a type adds to its bases' fields; of two names of a position the later one counts. */
function merged(inherited: readonly FieldName[], own: readonly FieldName[]): readonly FieldName[] {
  const byPosition = new Map<number, FieldName>();
  for (const field of inherited) byPosition.set(field.position, field);
  for (const field of own) byPosition.set(field.position, field);
  return [...byPosition.values()].sort((left, right) => left.position - right.position);
}

function isFieldOffset(offset: number): boolean {
  return offset >= HEADER_BYTES && offset < LARGEST_OFFSET && offset % POINTER_BYTES === 0;
}

/** PyHeapTypeObject behind its PyTypeObject. */
function heapTypeAttribute(field: string): string | undefined {
  return field === "ht_name" ? "__name__" : field === "ht_qualname" ? "__qualname__" : undefined;
}

function frameAttribute(field: string): string | undefined {
  return /^f_(globals|builtins|locals)$/.test(field) ? field : undefined;
}
