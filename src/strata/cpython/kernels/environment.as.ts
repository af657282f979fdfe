/** The environment of `environment.ts` in AssemblyScript: loads and stores of WebAssembly's linear memory. */

@inline
export function load32(word: i32): i32 {
  return load<i32>((<u32>word) << 2);
}

@inline
export function store32(word: i32, value: i32): void {
  store<i32>((<u32>word) << 2, value);
}

@inline
export function load64(word: i32): f64 {
  return <f64>load<u64>((<u32>word) << 2);
}

@inline
export function add64(word: i32, value: f64): void {
  const address = (<u32>word) << 2;
  store<f64>(address, load<f64>(address) + value);
}

@inline
export function mul(a: i32, b: i32): i32 {
  return a * b;
}

@inline
export function div(a: i32, b: i32): i32 {
  return a / b;
}

@inline
export function unsigned(value: i32): f64 {
  return <f64>(<u32>value);
}

@inline
export function truncate(value: f64): i32 {
  return <i32>(<u32>value);
}

@inline
export function countBits(value: i32): i32 {
  return popcnt<i32>(value);
}

@external("host", "type")
export declare function hostType(word: i32, low: i32, high: i32): i32;

@external("host", "decode")
export declare function hostDecode(word: i32, row: i32, place: i32): f64;

@external("host", "large")
export declare function hostLarge(place: i32, bytes: f64): void;

@external("host", "stream")
export declare function hostStream(stream: i32, count: i32): void;
