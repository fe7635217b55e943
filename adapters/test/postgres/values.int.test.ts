import { toJson } from "@landfall/domain/codec"
import type { ColumnType } from "@landfall/domain/column"
import { timestamp } from "@landfall/domain/timestamp"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { BinaryRows } from "../../src/postgres/binary-copy.ts"
import { arrayLiteral, byteaLiteral } from "../../src/postgres/literal.ts"
import { type Database, openDatabase } from "../../src/postgres/transaction.ts"
import { givenPostgres } from "./given-postgres.ts"

const server = givenPostgres()
let database: Database
beforeAll(() => {
  database = openDatabase(server.url, { applicationName: "values", deadlineMs: 10_000 })
})
afterAll(() => database.close())

/** All text that PostgreSQL can hold, short and long, ASCII and not. */
const text = fc
  .oneof(
    fc.string({ unit: "binary", maxLength: 20 }),
    fc.string({ unit: "grapheme", minLength: 100, maxLength: 150 }),
    fc.string({ unit: fc.constantFrom("a", "\u0080", "¡", "È", "ÿ", "Ā"), maxLength: 8 }),
    fc.string({ unit: "binary-ascii", minLength: 120, maxLength: 140 }),
    fc.constantFrom("", "é", "😀", "\\N", "\t\n\r", `${"a".repeat(127)}é`, "ä".repeat(2_000)),
  )
  .filter((value) => value.isWellFormed() && !value.includes("\0"))

const units = fc.oneof(
  fc.bigInt(0n, 10n ** 78n - 1n),
  fc.bigInt(0n, 100_000_000n),
  fc.nat({ max: 77 }).map((zeros) => 10n ** BigInt(zeros)),
  fc.constantFrom(0n, 10n ** 78n - 1n, 9_999n, 10_000n, 99_990_000n),
)

const digits = (maxLength: number) => fc.string({ unit: fc.constantFrom(..."0123456789"), maxLength })
const decimal = fc
  .tuple(
    digits(40),
    fc.oneof(
      digits(20),
      fc.nat({ max: 19 }).map((zeros) => `${"0".repeat(zeros)}1`),
    ),
  )
  .map(([whole, fraction]) => {
    const front = whole.replace(/^0+/, "") || "0"
    const back = fraction.replace(/0+$/, "")
    return back === "" ? front : `${front}.${back}`
  })

const whole = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, -(2 ** 32), 2 ** 53, -(2 ** 53)),
)
const instantMs = fc.oneof(
  fc.integer({ min: Date.parse("0001-01-01T00:00:00.000Z"), max: Date.parse("9999-12-31T23:59:59.999Z") }),
  fc.integer({ min: 0, max: Date.parse("2100-01-01T00:00:00.000Z") }),
  fc
    .constantFrom("0001-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z")
    .map(Date.parse),
  fc
    .constantFrom("1999-12-31T23:59:59.999Z", "2285-06-05T23:47:34.740Z", "9999-12-31T23:59:59.999Z")
    .map(Date.parse),
)

/** JSON values that hold amounts at any depth. */
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.jsonValue(),
    units,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(fc.string({ maxLength: 3 }), tie("value"), { maxKeys: 3 }),
  ),
})).value

const utc = (column: string): string =>
  `to_char(${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`

/** A column of the test's table: its SQL type, what may be in it, and how it is read back. */
interface Sample {
  readonly column: ColumnType
  readonly sql: string
  readonly values: fc.Arbitrary<unknown>
  readonly read: (column: string) => string
  readonly expected: (value: unknown) => unknown
}

const asText = (column: string): string => `${column}::text`
const micros = (at: unknown): string => String(at).replace("Z", "000Z")

const samples: ReadonlyArray<Sample> = [
  { column: "text", sql: "text", values: text, read: asText, expected: String },
  {
    column: "json",
    sql: "json",
    values: json.filter((value) => value !== null),
    read: asText,
    expected: (value) => toJson(value),
  },
  { column: "uuid", sql: "uuid", values: fc.uuid(), read: asText, expected: String },
  {
    column: "integer",
    sql: "integer",
    values: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    read: asText,
    expected: String,
  },
  {
    column: "bigint",
    sql: "bigint",
    values: whole,
    read: asText,
    expected: (value) => BigInt(value as number).toString(),
  },
  { column: "numeric", sql: "numeric(78, 0)", values: units, read: asText, expected: String },
  { column: "numeric", sql: "numeric", values: decimal, read: asText, expected: String },
  {
    column: "timestamptz",
    sql: "timestamptz",
    values: instantMs.map(timestamp),
    read: utc,
    expected: micros,
  },
  { column: "boolean", sql: "boolean", values: fc.boolean(), read: asText, expected: String },
]

const row = fc.record({
  values: fc.tuple(...samples.map(({ values }) => fc.option(values, { freq: 6 }))),
  bytes: fc.option(fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array))),
  atMs: instantMs,
})

describe("rows in binary COPY", () => {
  it("read back equal, of every type, at any buffer size and in any pieces", async () => {
    await database.transaction((transaction) =>
      transaction.script(
        `create table sample (n integer, bytes bytea, at timestamptz, ${samples.map(({ sql }, index) => `c${index} ${sql}`).join(", ")})`,
      ),
    )
    const select = `select bytes, ${utc("at")} as at, ${samples.map(({ read }, index) => `${read(`c${index}`)} as c${index}`).join(", ")} from sample order by n`
    const property = fc.asyncProperty(
      fc.array(row, { maxLength: 12 }),
      fc.integer({ min: 30, max: 5_000 }),
      fc.integer({ min: 20, max: 4_000 }),
      async (rows, capacityBytes, pieceBytes) => {
        const copied = new BinaryRows(capacityBytes)
        for (const [n, { values, bytes, atMs }] of rows.entries()) {
          copied.begin(samples.length + 3)
          copied.value("integer", n)
          copied.bytes(bytes)
          copied.timestampMs(atMs)
          for (const [index, { column }] of samples.entries()) copied.value(column, values[index])
        }
        expect(copied.rows).toBe(rows.length)
        const found = await database.transaction(async (transaction) => {
          await transaction.script("truncate sample")
          await transaction.copyIn("copy sample from stdin (format binary)", copied.chunks(pieceBytes))
          return transaction.query(select)
        })
        expect([...found]).toEqual(
          rows.map(({ values, bytes, atMs }) => ({
            bytes,
            at: micros(timestamp(atMs)),
            ...Object.fromEntries(
              samples.map(({ expected }, index) => {
                const value = values[index]
                return [`c${index}`, value === null ? null : expected(value)]
              }),
            ),
          })),
        )
      },
    )
    await fc.assert(property, { numRuns: 100 })
  })

  it("hold nothing as null, and an undefined field too", async () => {
    const rows = new BinaryRows()
    rows.begin(3)
    rows.null()
    rows.value("text", undefined)
    rows.bytes(null)
    const found = await database.transaction(async (transaction) => {
      await transaction.script("create temporary table empty (a text, b text, c bytea) on commit drop")
      await transaction.copyIn("copy empty from stdin (format binary)", rows.chunks())
      return transaction.query("select * from empty")
    })
    expect([...found]).toEqual([{ a: null, b: null, c: null }])
  })
})

describe("an array as a literal", () => {
  const readBack = (items: ReadonlyArray<string | number>, type: string) =>
    database.transaction(async (transaction) =>
      (
        await transaction.query<{ item: string }>(
          `select item::text from unnest($1::${type}[]) with ordinality as list (item, n) order by n`,
          [arrayLiteral(items)],
        )
      ).map(({ item }) => item),
    )

  const hostile = fc.constantFrom(
    "",
    "NULL",
    "null",
    "nUlL",
    '"',
    "\\",
    '\\"',
    "{",
    "}",
    "{}",
    ",",
    "a,b",
    " ",
    " a ",
    "\n",
    "'",
    "''",
    "é",
    "😀",
    "$1",
    "a\n",
  )

  it("reads back the same texts, whatever is in them", async () => {
    const property = fc.asyncProperty(
      fc.array(
        fc.oneof(
          text,
          hostile,
          fc.tuple(hostile, hostile).map((pair) => pair.join("")),
        ),
        { maxLength: 12 },
      ),
      async (items) => {
        expect(await readBack(items, "text")).toEqual(items)
      },
    )
    await fc.assert(property, { numRuns: 100 })
  })

  it("reads back numbers and ids", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.maxSafeInteger()), fc.array(fc.uuid()), async (numbers, ids) => {
        expect(await readBack(numbers, "bigint")).toEqual(numbers.map(String))
        expect(await readBack(ids, "uuid")).toEqual(ids)
      }),
      { numRuns: 30 },
    )
  })

  it("reads back bytes, alone and in arrays", async () => {
    const bytes = fc.uint8Array({ maxLength: 40 })
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 5 }), bytes, async (list, alone) => {
        const hex = (array: Uint8Array) => `\\x${Buffer.from(array).toString("hex")}`
        expect(await readBack(list.map(byteaLiteral), "bytea")).toEqual(list.map(hex))
        const [found] = await database.transaction((transaction) =>
          transaction.query("select $1::text::bytea as bytes", [byteaLiteral(alone)]),
        )
        expect(found).toEqual({ bytes: Buffer.from(alone) })
      }),
      { numRuns: 30 },
    )
  })
})
