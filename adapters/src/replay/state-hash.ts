import { createHash } from "node:crypto"
import type { ColumnType } from "@landfall/domain/column"
import type { AnyProjection } from "@landfall/projections/registry"

/** One line of JSON without white space: amounts as digits, absent as null, names in order. */
const canonicalJson = (value: unknown): string => {
  if (value === undefined || value === null) return "null"
  if (typeof value === "bigint") return `"${value}"`
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (typeof value !== "object") return JSON.stringify(value)
  const entries = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([left], [right]) => compareKeys(left, right))
    .map(([name, item]) => `${JSON.stringify(name)}:${canonicalJson(item)}`)
  return `{${entries.join(",")}}`
}

const columnJson = (type: ColumnType, value: unknown): string => {
  if (typeof value === "string") return JSON.stringify(value)
  return type === "json" || typeof value === "bigint" ? canonicalJson(value) : JSON.stringify(value ?? null)
}

/** The order of keys: by code points, which is PostgreSQL's `collate "C"` too. */
export const compareKeys = (left: string, right: string): number => {
  if (left === right) return 0
  // UTF-16 units compare as code points do, but for the halves of a pair, which stand below U+E000.
  const length = Math.min(left.length, right.length)
  for (let place = 0; place < length; place++) {
    const [a, b] = [left.charCodeAt(place), right.charCodeAt(place)]
    if (a !== b) return highLast(a) < highLast(b) ? -1 : 1
  }
  return left.length - right.length
}

const highLast = (unit: number): number => {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}

/**
 * A function from a key and its row to the row's one written form: a JSON array of the key and of the columns in the order
 * in which the projection declares them. A row from memory and the same row from its table are written alike.
 */
export const canonicalRow = (projection: AnyProjection): ((key: string, row: unknown) => string) => {
  const columns = Object.values(projection.columns)
  return (key, row) =>
    `[${JSON.stringify(key)},${columns.map(({ type, of }) => columnJson(type, of(row))).join(",")}]`
}

/** Takes rows in the order of {@link compareKeys} and gives the SHA-256 of the state. */
export interface StateHasher {
  readonly add: (key: string, row: unknown) => void
  /** Hexadecimal. */
  readonly digest: () => string
}

/**
 * The hash of a projection's state: SHA-256 over a line that names the projection and its version, and then the canonical
 * rows in key order, each with a line feed after it. Live snapshots and folds are hashed by this same function.
 */
export const stateHasher = (projection: AnyProjection): StateHasher => {
  const hash = createHash("sha256").update(`landfall state ${projection.name} v${projection.version}\n`)
  const write = canonicalRow(projection)
  let waiting = ""
  return {
    add: (key, row) => {
      waiting += `${write(key, row)}\n`
      // Few long updates cost less than many short ones.
      if (waiting.length < 65_536) return
      hash.update(waiting)
      waiting = ""
    },
    digest: () => hash.update(waiting).digest("hex"),
  }
}

/** The keys of the rows in the order in which a state is hashed and printed. */
export const keysInOrder = (rows: ReadonlyMap<string, unknown>): ReadonlyArray<string> =>
  [...rows.keys()].sort(compareKeys)

/** The hash of rows in memory. */
export const hashRows = (projection: AnyProjection, rows: ReadonlyMap<string, unknown>): string => {
  const hasher = stateHasher(projection)
  for (const key of keysInOrder(rows)) hasher.add(key, rows.get(key))
  return hasher.digest()
}
