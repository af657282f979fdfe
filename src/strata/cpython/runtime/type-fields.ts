/** Names of the fields of instances, type by type. */
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

/** Reads the names of fields; types share those of their bases. */
export class TypeFieldReader {
  private readonly known = new Map<number, ReadonlyMap<number, string>>();

  constructor(private readonly heap: WholeHeap) {}

  /** Fields of a type's instances by ascending position, the bases' included; the nearest name of a position counts. */
  fieldsOf(type: number): FieldName[] {
    return [...this.namesOf(type, 0)]
      .map(([position, name]) => ({ position, name }))
      .sort((left, right) => left.position - right.position);
  }

  private namesOf(type: number, depth: number): ReadonlyMap<number, string> {
    const known = this.known.get(type);
    if (known !== undefined) return known;
    const { image, runtime } = this.heap;
    const base = image.u64(type + runtime.layout.offset("PyTypeObject", "tp_base"));
    const inherited = base !== 0 && image.has(base) && depth < MOST_BASES ? this.namesOf(base, depth + 1) : NO_NAMES;
    const own = [...this.structureFields(type), ...this.members(type)];
    // Most classes add nothing, and share one map then.
    const names = own.length === 0 ? inherited : new Map([...inherited, ...own]);
    this.known.set(type, names);
    return names;
  }

  /** `__slots__` of a class, tp_members of a C type (Include/descrobject.h PyMemberDef). */
  private members(type: number): [number, string][] {
    const { image, readOnly, runtime, text } = this.heap;
    const { layout } = runtime;
    const members = image.u64(type + layout.offset("PyTypeObject", "tp_members"));
    if (members === 0) return [];
    // Those of C types may lie in pages that the image leaves out.
    const reader = image.u64(members) !== 0 ? image : readOnly;
    const found: [number, string][] = [];
    for (let index = 0; index < MOST_MEMBERS; index++) {
      const member = members + index * layout.size("PyMemberDef");
      const field = (name: string) => member + layout.offset("PyMemberDef", name);
      const nameAddress = reader.u64(field("name"));
      if (nameAddress === 0) break;
      const offset = reader.u64(field("offset"));
      if (!OBJECT_MEMBERS.has(reader.u32(field("type"))) || !isFieldOffset(offset)) continue;
      const name = text(nameAddress);
      if (name) found.push([(offset - HEADER_BYTES) / POINTER_BYTES, name]);
    }
    return found;
  }

  /** What the layout tables know of the interpreter's own types. */
  private structureFields(type: number): [number, string][] {
    const { runtime, image, text, isPythonClass } = this.heap;
    const { layout } = runtime;
    if (isPythonClass(type)) return [];
    const name = text(image.u64(type + layout.offset("PyTypeObject", "tp_name"))) ?? "";
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

  private fieldsOfStructure(
    structure: string,
    start: number,
    attribute: (field: string) => string | undefined,
  ): [number, string][] {
    const { layout } = this.heap.runtime;
    return layout
      .fields(structure)
      .filter((field) => layout.fieldSize(structure, field) === POINTER_BYTES)
      .map((field): [number, string] => [start + layout.offset(structure, field), attribute(field) ?? `<${field}>`])
      .filter(([offset]) => isFieldOffset(offset))
      .map(([offset, name]) => [(offset - HEADER_BYTES) / POINTER_BYTES, name]);
  }
}

const NO_NAMES: ReadonlyMap<number, string> = new Map();

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
