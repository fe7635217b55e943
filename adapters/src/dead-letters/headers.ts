/** A message's header; null when it has no value. */
export interface Header {
  readonly name: string
  readonly value: Buffer | null
}

/** The headers that `encodeHeaders` wrote; null for bytes that it did not write. */
export const decodeHeaders = (bytes: Buffer | null): ReadonlyArray<Header> | null => {
  if (bytes === null) return []
  const headers: Header[] = []
  let at = 0
  const part = (): Buffer | null | undefined => {
    if (at + 4 > bytes.length) return undefined
    const length = bytes.readUInt32BE(at)
    at += 4
    if (length === 0xffff_ffff) return null
    at += length
    return at > bytes.length ? undefined : bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const [name, value] = [part(), part()]
    if (name === undefined || name === null || value === undefined) return null
    headers.push({ name: name.toString("utf8"), value })
  }
  return headers
}
