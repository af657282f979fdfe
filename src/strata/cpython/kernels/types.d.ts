/** AssemblyScript's names for what is a plain number in TypeScript. */
type i32 = number;
type f64 = number;
