import { toJson } from "@landfall/domain/codec"
import type { ColumnType } from "@landfall/domain/column"

const exactMs = Number.MAX_SAFE_INTEGER / 1000

/**
 * Room to begin with, which grows with what is written. A busy writer makes a hundred small batches a second: a megabyte for
 * each, thrown away at once, would cost it a collection every tenth of a second and its readers 30 to 100 ms.
 */
const capacityBytesInitial = 1 << 16

/** Longer texts are faster in one call into the runtime. */
const asciiLengthMax = 128

const hyphen = 0x2d

const nibble = (text: string, at: number): number => nibbles[text.charCodeAt(at)] ?? 0

/** The value of each hexadecimal digit, by its character code. */
const nibbles = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16)
  return Number.isNaN(value) ? 0 : value
})

/**
 * Rows in PostgreSQL's binary COPY format, written into one growing buffer: nothing is escaped, parsed or copied twice,
 * and the server reads integers instead of text. Format: PostgreSQL documentation, "COPY", Binary Format.
 */
export class BinaryRows {
  private buffer: Buffer
  private length = 0
  rows = 0

  constructor(capacityBytes = capacityBytesInitial) {
    this.buffer = Buffer.allocUnsafe(capacityBytes)
    this.length = this.buffer.write("PGCOPY\n\xff\r\n\0", 0, "latin1")
    this.int32(0)
    this.int32(0)
  }

  /** Begins a row of that many columns. */
  begin(columns: number): void {
    this.int16(columns)
    this.rows++
  }

  /** How many bytes wait to be taken. */
  get bytesWaiting(): number {
    return this.length
  }

  /** What was added since the last time: the stream is these pieces in order, and {@link chunks} at the end. */
  take(): Buffer {
    const taken = Buffer.from(this.buffer.subarray(0, this.length))
    this.length = 0
    return taken
  }

  /** The whole stream, in pieces that a socket takes well. Nothing may be added afterwards. */
  *chunks(pieceBytes = 1 << 18): Generator<Buffer> {
    this.int16(-1)
    for (let at = 0; at < this.length; at += pieceBytes)
      yield this.buffer.subarray(at, Math.min(at + pieceBytes, this.length))
  }

  /** A value of the column's type, in the form that records and rows hold it; null and undefined are NULL. */
  value(column: ColumnType, value: unknown): void {
    if (value === null || value === undefined) return this.int32(-1)
    switch (column) {
      case "text":
        return this.text(value as string)
      case "json":
        return this.text(toJson(value))
      case "uuid":
        return this.uuid(value as string)
      case "integer":
        this.int32(4)
        return this.int32(value as number)
      case "bigint":
        return this.int64(value as number)
      case "boolean":
        this.int32(1)
        this.reserve(1)
        this.buffer[this.length++] = value ? 1 : 0
        return
      case "timestamptz":
        return this.timestampMs(Date.parse(value as string))
      case "numeric":
        return this.numeric(typeof value === "bigint" ? value.toString() : (value as string))
      default:
        column satisfies never
    }
  }

  null(): void {
    this.int32(-1)
  }

  bytes(value: Uint8Array | null): void {
    if (value === null) return this.int32(-1)
    this.int32(value.byteLength)
    this.reserve(value.byteLength)
    this.buffer.set(value, this.length)
    this.length += value.byteLength
  }

  text(value: string): void {
    // Room for the worst case first, so that the text is encoded straight into place.
    this.reserve(4 + value.length * 3)
    const start = this.length + 4
    const written = this.asciiText(value, start) ? value.length : this.buffer.write(value, start, "utf8")
    this.int32(written)
    this.length += written
  }

  uuid(value: string): void {
    this.int32(16)
    this.reserve(16)
    const { buffer } = this
    let at = this.length
    for (let digit = 0; digit < 36; digit += 2) {
      if (value.charCodeAt(digit) === hyphen) digit++
      buffer[at++] = (nibble(value, digit) << 4) | nibble(value, digit + 1)
    }
    this.length = at
  }

  /** A whole number within ±2^53 as `bigint`. */
  int64(value: number): void {
    this.int32(8)
    this.int32(Math.floor(value / 4_294_967_296))
    this.int32(value >>> 0)
  }

  /** An instant in milliseconds since 1970 as `timestamptz`, which counts microseconds from 2000. */
  timestampMs(at_ms: number): void {
    const since2000_ms = at_ms - 946_684_800_000
    if (Math.abs(since2000_ms) < exactMs) return this.int64(since2000_ms * 1000)
    // Before 1715 and after 2285 a number no longer holds the microseconds.
    this.reserve(12)
    this.buffer.writeInt32BE(8, this.length)
    this.length = this.buffer.writeBigInt64BE(BigInt(since2000_ms) * 1000n, this.length + 4)
  }

  /** A decimal without sign or exponent, as `numeric`: groups of four digits to both sides of the point. */
  numeric(decimal: string): void {
    const point = decimal.indexOf(".")
    const whole = point < 0 ? decimal : decimal.slice(0, point)
    const fraction = point < 0 ? "" : decimal.slice(point + 1)
    const groups: number[] = []
    for (let end = whole.length; end > 0; end -= 4)
      groups.unshift(Number(whole.slice(Math.max(0, end - 4), end)))
    let weight = groups.length - 1
    for (let at = 0; at < fraction.length; at += 4)
      groups.push(Number(fraction.slice(at, at + 4).padEnd(4, "0")))
    while (groups.length > 0 && groups[0] === 0) {
      groups.shift()
      weight--
    }
    while (groups.length > 0 && groups.at(-1) === 0) groups.pop()
    if (groups.length === 0) weight = 0
    this.int32(8 + 2 * groups.length)
    this.int16(groups.length)
    this.int16(weight)
    this.int16(0)
    this.int16(fraction.length)
    for (const group of groups) this.int16(group)
  }

  /** Writes a short text of ASCII characters, as nearly all are, without a call into the runtime; false for any other. */
  private asciiText(value: string, start: number): boolean {
    if (value.length > asciiLengthMax) return false
    const { buffer } = this
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index)
      if (code > 127) return false
      buffer[start + index] = code
    }
    return true
  }

  // Byte by byte: a typed array's stores are compiled in place, a Buffer's methods are calls.
  private int16(value: number): void {
    this.reserve(2)
    const { buffer } = this
    buffer[this.length++] = value >> 8
    buffer[this.length++] = value
  }

  private int32(value: number): void {
    this.reserve(4)
    const { buffer } = this
    buffer[this.length++] = value >> 24
    buffer[this.length++] = value >> 16
    buffer[this.length++] = value >> 8
    buffer[this.length++] = value
  }

  private reserve(bytes: number): void {
    if (this.length + bytes <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + bytes))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }
}

/** Bytes of rows that are handed to the server at once. */
const pieceBytes = 1 << 16

/** The stream of these rows, piece by piece as they are asked for. */
export function* pieces<Row>(
  rows: Iterable<Row>,
  add: (to: BinaryRows, row: Row) => void,
): Generator<Uint8Array> {
  const waiting = new BinaryRows()
  for (const row of rows) {
    add(waiting, row)
    if (waiting.bytesWaiting >= pieceBytes) yield waiting.take()
  }
  yield* waiting.chunks()
}
