const opcodes: Readonly<Record<string, number>> = {
  STOP: 0x00,
  ADD: 0x01,
  SUB: 0x03,
  LT: 0x10,
  EQ: 0x14,
  ISZERO: 0x15,
  SHR: 0x1c,
  CALLER: 0x33,
  CALLDATALOAD: 0x35,
  CALLDATASIZE: 0x36,
  CALLDATACOPY: 0x37,
  MSTORE: 0x52,
  SLOAD: 0x54,
  SSTORE: 0x55,
  JUMP: 0x56,
  JUMPI: 0x57,
  GAS: 0x5a,
  JUMPDEST: 0x5b,
  DUP1: 0x80,
  DUP2: 0x81,
  DUP6: 0x85,
  SWAP1: 0x90,
  LOG3: 0xa3,
  CALL: 0xf1,
  RETURN: 0xf3,
  REVERT: 0xfd,
}

const push2 = 0x61

/**
 * The bytecode of a small program for the EVM, as `0x` and digits. A line has words with spaces between them and ends
 * at `;`. A word is an instruction, bytes (`0x2a`, pushed with all their length), `name:` (a place to jump to) or
 * `@name` (pushes that place).
 */
export function assemble(source: string): string {
  const words = source.split("\n").flatMap((line) => (line.split(";")[0] ?? "").split(/\s+/).filter(Boolean))
  const bytes: number[] = []
  const places = new Map<string, number>()
  const uses: Array<{ readonly at: number; readonly name: string }> = []
  for (const word of words) {
    if (word.endsWith(":")) {
      places.set(word.slice(0, -1), bytes.length)
      bytes.push(opcodes.JUMPDEST ?? 0)
    } else if (word.startsWith("@")) {
      uses.push({ at: bytes.length + 1, name: word.slice(1) })
      bytes.push(push2, 0, 0)
    } else if (/^0x(?:[0-9a-f]{2}){1,32}$/.test(word)) {
      const pushed = Buffer.from(word.slice(2), "hex")
      bytes.push(push2 - 2 + pushed.length, ...pushed)
    } else {
      const opcode = opcodes[word]
      if (opcode === undefined) throw new Error(`${JSON.stringify(word)} is no instruction of the assembler`)
      bytes.push(opcode)
    }
  }
  for (const { at, name } of uses) {
    const place = places.get(name)
    if (place === undefined) throw new Error(`there is no ${name}: to jump to`)
    bytes.splice(at, 2, place >> 8, place & 0xff)
  }
  return `0x${Buffer.from(bytes).toString("hex")}`
}
