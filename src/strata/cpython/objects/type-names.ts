import { EntryReader } from "../runtime/dict-entries.ts";
import { StrReader } from "../runtime/text.ts";
import type { ObjectContext } from "./object-context.ts";
import type { TypeRegistry } from "./type-registry.ts";

/** A type's namespace with more entries than this is not searched. */
const MAX_ENTRIES = 1 << 20;
const LONGEST_NAME = 4096;
const MODULE_KEY = "__module__";

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
  private readonly strings: StrReader;
  private readonly entries: EntryReader;
  private readonly at: { readonly qualifiedName: number; readonly dict: number; readonly length: number };

  constructor(
    private readonly context: ObjectContext,
    private readonly registry: TypeRegistry,
  ) {
    const { image, layout } = context;
    this.strings = new StrReader(image, layout);
    this.entries = new EntryReader(image, layout);
    this.at = {
      qualifiedName: layout.offset("PyHeapTypeObject", "ht_qualname"),
      dict: layout.offset("PyTypeObject", "tp_dict"),
      length: layout.offset("PyASCIIObject", "length"),
    };
  }

  /** Read at the first call; the parts of the image that it lies in are not needed for others. */
  nameOf(type: number): TypeName {
    const known = this.known.get(type);
    if (known !== undefined) return known;
    const name = this.read(type);
    this.known.set(type, name);
    return name;
  }

  private read(type: number): TypeName {
    const { image } = this.context;
    const cName = this.context.text(this.registry.nameAddress(type));
    const dot = cName?.lastIndexOf(".") ?? -1;
    const fromC: TypeName | undefined =
      cName === undefined ? undefined : { name: cName.slice(dot + 1), module: cName.slice(0, Math.max(0, dot)) };
    if (!this.registry.isHeapType(type)) return fromC ?? { name: `type at 0x${type.toString(16)}`, module: "" };
    const qualified = this.strings.read(image.u64(type + this.at.qualifiedName), LONGEST_NAME);
    const module = this.moduleOf(type) ?? fromC?.module ?? "";
    const name = qualified ?? fromC?.name ?? `type at 0x${type.toString(16)}`;
    return { name, module: module === "builtins" ? "" : module };
  }

  /** Value of `__module__` in the type's own namespace. */
  private moduleOf(type: number): string | undefined {
    const { entries } = this;
    if (!entries.open(entries.keysOf(this.context.image.u64(type + this.at.dict)))) return undefined;
    for (let index = 0; index < Math.min(entries.length, MAX_ENTRIES); index++) {
      if (this.isModuleKey(entries.key(index))) return this.strings.read(entries.value(index), LONGEST_NAME);
    }
    return undefined;
  }

  private isModuleKey(address: number): boolean {
    if (this.moduleKeys.has(address)) return true;
    // Interned, so the first match of an interpreter settles all further types by address.
    if (this.context.image.u64(address + this.at.length) !== MODULE_KEY.length) return false;
    if (this.strings.read(address, MODULE_KEY.length) !== MODULE_KEY) return false;
    this.moduleKeys.add(address);
    return true;
  }
}
