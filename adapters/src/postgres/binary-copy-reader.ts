/** The signature, the flags and the length of a header extension that PostgreSQL does not use. */
const headerBytes = 19

/**
 * Takes rows of `copy … to stdout (format binary)` out of the stream, whatever the chunks it comes in. Format: PostgreSQL
 * documentation, "COPY", Binary Format.
 */
export class BinaryRowReader {
  /** What did not make a whole row yet. */
  private rest: Buffer = Buffer.alloc(0)
  private started = false

  /** The rows that are whole with this chunk, each as its columns' bytes, which are good until the next chunk is given. */
  rows(chunk: Buffer): ReadonlyArray<ReadonlyArray<Buffer | null>> {
    let bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    if (!this.started && bytes.length >= headerBytes) {
      this.started = true
      bytes = bytes.subarray(headerBytes)
    }
    const rows: Array<ReadonlyArray<Buffer | null>> = []
    let at = 0
    for (let row = this.started ? rowAt(bytes, at) : null; row !== null; row = rowAt(bytes, at)) {
      rows.push(row.columns)
      at = row.end
    }
    this.rest = bytes.subarray(at)
    return rows
  }
}

/** The row at that place; null when it is not whole, or the end of all rows. */
const rowAt = (
  bytes: Buffer,
  start: number,
): { readonly columns: ReadonlyArray<Buffer | null>; readonly end: number } | null => {
  if (bytes.length < start + 2) return null
  const count = bytes.readInt16BE(start)
  if (count < 0) return null
  const columns: Array<Buffer | null> = []
  let at = start + 2
  for (let column = 0; column < count; column++) {
    if (bytes.length < at + 4) return null
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < 0) {
      columns.push(null)
      continue
    }
    if (bytes.length < at + length) return null
    columns.push(bytes.subarray(at, at + length))
    at += length
  }
  return { columns, end: at }
}
