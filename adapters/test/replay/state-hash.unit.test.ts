import { toJson } from "@landfall/domain/codec"
import { fold } from "@landfall/projections/fold"
import { projections } from "@landfall/projections/registry"
import { rowDecoder, rowEncoder } from "@landfall/projections/row-codec"
import { historyOf } from "@landfall/projections/testing/generators"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { canonicalRow, compareKeys, hashRows, keysInOrder } from "../../src/replay/state-hash.ts"

describe("the order of keys", () => {
  it("is that of UTF-8 bytes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (left, right) => {
        const bytes = Buffer.compare(Buffer.from(left), Buffer.from(right))
        expect(Math.sign(compareKeys(left, right))).toBe(bytes)
      }),
    )
    expect(compareKeys("a", "ab")).toBeLessThan(0)
    expect(compareKeys("\u{10000}", "\uffff")).toBeGreaterThan(0)
  })
})

describe.each(projections.map((projection) => [projection.name, projection] as const))(
  "the hash of %s",
  (_, projection) => {
    const rows = fold(
      projection,
      fc.sample(historyOf(projection.topic.name), { numRuns: 8, seed: 20_261_123 }).flat(),
    )

    it("is the same for a row from memory and the same row from its table", () => {
      const encode = rowEncoder(projection)
      const decode = rowDecoder(projection)
      const write = canonicalRow(projection)
      expect(rows.size).toBeGreaterThan(0)
      for (const [key, row] of rows) expect(write(key, decode(encode(row)))).toBe(write(key, row))
    })

    it("does not depend on the order in which JSON names its fields", () => {
      const backwards = (value: unknown): unknown => {
        if (typeof value !== "object" || value === null) return value
        if (Array.isArray(value)) return value.map(backwards)
        return Object.fromEntries(
          Object.entries(value)
            .reverse()
            .map(([name, item]) => [name, backwards(item)]),
        )
      }
      const turned = new Map([...rows].map(([key, row]) => [key, backwards(row)]))
      expect(hashRows(projection, turned)).toBe(hashRows(projection, rows))
    })

    it("does not depend on the order in which rows came", () => {
      expect(hashRows(projection, new Map([...rows].reverse()))).toBe(hashRows(projection, rows))
      expect(hashRows(projection, rows)).toMatch(/^[0-9a-f]{64}$/)
    })

    it("changes with every column, key and missing row, and with the version", () => {
      const hash = hashRows(projection, rows)
      const [first = ""] = keysInOrder(rows)
      const row = rows.get(first) as Record<string, unknown>
      const others = [...rows.values()] as ReadonlyArray<Record<string, unknown>>
      for (const name of Object.keys(projection.columns)) {
        const other =
          others.map((one) => one[name]).find((value) => toJson(value) !== toJson(row[name])) ?? "another"
        expect(hashRows(projection, new Map([...rows, [first, { ...row, [name]: other }]])), name).not.toBe(
          hash,
        )
      }
      const without = new Map(rows)
      without.delete(first)
      expect(hashRows(projection, without)).not.toBe(hash)
      expect(hashRows(projection, new Map([...without, [`${first}x`, row]]))).not.toBe(hash)
      expect(hashRows({ ...projection, version: projection.version + 1 }, rows)).not.toBe(hash)
    })
  },
)
