/** Name of the roots that are namespaces of static types (3.12 and later): their keys are names. */
export const STATIC_TYPE_NAMESPACES = "static type namespaces";

/** A pointer from outside of the heap to an object, found in the state of the interpreter. Names are the target's: hostile. */
export interface RootPointer {
  readonly kind: "module" | "interpreter" | "frame" | "thread" | "runtime" | "interned";
  /** Address of the object that it points at, as far as anybody knows at this point. */
  readonly address: number;
  /** Index of the interpreter or of the thread state, -1 for none. */
  readonly owner: number;
  /** Index into the thread's frames, -1 for none. */
  readonly frame: number;
  readonly name: string;
  /** True when the pointer owns one of the object's references. */
  readonly counted: boolean;
}
