import { dictEntries } from "../runtime/dict-entries.ts";
import { readStr } from "../runtime/text.ts";
import type { ObjectContext } from "./object-context.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** A type's namespace with more entries than this is not searched. */
const MAX_ENTRIES = 1 << 20;

export interface TypeName {
  /** Qualified name without the module; hostile text. */
  readonly name: string;
  /** Empty for builtins and when unknown; hostile text. */
  readonly module: string;
}

/** Reads names of types out of the image: heap types say theirs in objects, static ones in a C string. */
export class TypeNames {
  /** Addresses of the interned strings "__module__": one for each interpreter. */
  private readonly moduleKeys = new Set<number>();
  private readonly known = new Map<number, TypeName>();

  constructor(
    private readonly context: ObjectContext,
    private readonly registry: TypeRegistry,
  ) {}

  /** Read at the first call; the parts of the image that it lies in are not needed for others. */
  nameOf(type: number): TypeName {
    const known = this.known.get(type);
    if (known !== undefined) return known;
    const name = this.read(type);
    this.known.set(type, name);
    return name;
  }

  private read(type: number): TypeName {
    const { image, layout } = this.context;
    const cName = this.context.text(this.registry.nameAddress(type));
    const dot = cName?.lastIndexOf(".") ?? -1;
    const fromC: TypeName | undefined =
      cName === undefined ? undefined : { name: cName.slice(dot + 1), module: cName.slice(0, Math.max(0, dot)) };
    if (!this.registry.isHeapType(type)) return fromC ?? { name: `type at 0x${type.toString(16)}`, module: "" };
    const qualified = readStr(image, layout, image.u64(type + layout.offset("PyHeapTypeObject", "ht_qualname")));
    const module = this.moduleOf(type) ?? fromC?.module ?? "";
    const name = qualified ?? fromC?.name ?? `type at 0x${type.toString(16)}`;
    return { name, module: module === "builtins" ? "" : module };
  }

  /** Value of `__module__` in the type's own namespace. */
  private moduleOf(type: number): string | undefined {
    const { image, layout } = this.context;
    const entries = dictEntries(image, layout, image.u64(type + layout.offset("PyTypeObject", "tp_dict")));
    if (entries === undefined) return undefined;
    for (let index = 0; index < Math.min(entries.length, MAX_ENTRIES); index++) {
      if (this.isModuleKey(entries.key(index))) return readStr(image, layout, entries.value(index));
    }
    return undefined;
  }

  private isModuleKey(address: number): boolean {
    if (this.moduleKeys.has(address)) return true;
    // Interned, so the first match of an interpreter settles all further types by address.
    const { image, layout } = this.context;
    if (image.u64(address + layout.offset("PyASCIIObject", "length")) !== "__module__".length) return false;
    if (readStr(image, layout, address) !== "__module__") return false;
    this.moduleKeys.add(address);
    return true;
  }
}
