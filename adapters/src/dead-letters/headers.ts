import { partReader } from "../transparency-log/leaf.ts"

/** A message's header; null when it has no value. */
export interface Header {
  readonly name: string
  readonly value: Buffer | null
}

/** The headers that `encodeHeaders` wrote; null for bytes that it did not write. */
export const decodeHeaders = (bytes: Buffer | null): ReadonlyArray<Header> | null => {
  if (bytes === null) return []
  const headers: Header[] = []
  const parts = partReader(bytes)
  while (!parts.atEnd()) {
    const [name, value] = [parts.next(), parts.next()]
    if (name === undefined || name === null || value === undefined) return null
    headers.push({ name: name.toString("utf8"), value })
  }
  return headers
}
