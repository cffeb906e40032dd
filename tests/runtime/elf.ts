/**
 * A shared library for Linux x64 that holds nothing but the wish for another one.
 * Layout: System V ABI, AMD64 supplement; glibc asks for a string table and a symbol table.
 */
export function libraryThatNeeds(soname: string): Uint8Array {
  const [HEADER, PROGRAM, ENTRY] = [64, 56, 16];
  const dynamicAt = HEADER + 2 * PROGRAM;
  const names = Buffer.from(`\0${soname}\0`);
  const tags = 6;
  const stringsAt = dynamicAt + tags * ENTRY;
  // The null symbol, aligned.
  const symbolsAt = Math.ceil((stringsAt + names.length) / 8) * 8;
  const size = symbolsAt + 24;
  const file = Buffer.alloc(size);
  const words = (at: number, values: readonly number[]) =>
    values.forEach((value, i) => {
      file.writeBigUInt64LE(BigInt(value), at + 8 * i);
    });

  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  file.writeUInt16LE(3, 16); // ET_DYN
  file.writeUInt16LE(62, 18); // EM_X86_64
  file.writeUInt32LE(1, 20);
  file.writeBigUInt64LE(BigInt(HEADER), 32);
  [HEADER, PROGRAM, 2].forEach((value, i) => {
    file.writeUInt16LE(value, 52 + 2 * i);
  });

  const segment = (at: number, type: number, offset: number, length: number) => {
    file.writeUInt32LE(type, at);
    file.writeUInt32LE(6, at + 4); // readable and writable
    words(at + 8, [offset, offset, offset, length, length, 0x1000]);
  };
  segment(HEADER, 1, 0, size); // PT_LOAD
  segment(HEADER + PROGRAM, 2, dynamicAt, tags * ENTRY); // PT_DYNAMIC

  const [NEEDED, STRTAB, SYMTAB, STRSZ, SYMENT, NULL] = [1, 5, 6, 10, 11, 0];
  words(dynamicAt, [NEEDED, 1, STRTAB, stringsAt, SYMTAB, symbolsAt, STRSZ, names.length, SYMENT, 24, NULL, 0]);
  file.set(names, stringsAt);
  return file;
}
