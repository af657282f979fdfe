/** A static i386 program of one segment that calls pause(2) for ever: ELF header, one program header, code. */
export function program32(): Uint8Array {
  const base = 0x08048000;
  const headerBytes = 52 + 32;
  // mov eax, 29; int 0x80; jmp to the start
  const code = [0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7];
  const size = headerBytes + code.length;
  const file = Buffer.alloc(size);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const halves: readonly (readonly [offset: number, value: number])[] = [
    [16, 2], // ET_EXEC
    [18, 3], // EM_386
    [40, 52], // bytes of this header
    [42, 32], // bytes of a program header
    [44, 1], // one of them
  ];
  for (const [offset, value] of halves) file.writeUInt16LE(value, offset);
  const words: readonly (readonly [offset: number, value: number])[] = [
    [20, 1],
    [24, base + headerBytes], // entry
    [28, 52], // program headers
    [52, 1], // PT_LOAD
    [60, base],
    [64, base],
    [68, size],
    [72, size],
    [76, 5], // readable, executable
    [80, 4096],
  ];
  for (const [offset, value] of words) file.writeUInt32LE(value, offset);
  file.set(code, headerBytes);
  return file;
}
