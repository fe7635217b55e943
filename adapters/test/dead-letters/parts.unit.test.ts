import { createHash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Act, actLeaf } from "../../src/dead-letters/act-leaf.ts"
import { decodeHeaders } from "../../src/dead-letters/headers.ts"
import { inOrder } from "../../src/dead-letters/in-order.ts"
import { letterCursor, letterList } from "../../src/dead-letters/letter-page.ts"
import { parsePlace, placeName } from "../../src/dead-letters/place.ts"
import { letterPlaces } from "../../src/dead-letters/place-kind.ts"
import { encodeCursor } from "../../src/http/pagination.ts"
import { encodeHeaders } from "../../src/transparency-log/leaf.ts"

async function* each<Item>(items: ReadonlyArray<Item>): AsyncGenerator<Item> {
  yield* items
}

describe("pages with further items", () => {
  const offsets = fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 40 })

  it("are everything of both, in the order of the offsets, in pages that are no longer than allowed", async () => {
    await fc.assert(
      fc.asyncProperty(
        ...[offsets, offsets, fc.integer({ min: 1, max: 7 })],
        fc.integer({ min: 1, max: 7 }),
        async (some, others, size, max) => {
          const evidence = some.map((offset) => offset * 2).sort((left, right) => left - right)
          const letters = others.map((offset) => offset * 2 + 1).sort((left, right) => left - right)
          const pages = Array.from({ length: Math.ceil(evidence.length / size) }, (_, page) =>
            evidence.slice(page * size, (page + 1) * size).map((offset) => ({ offset })),
          )
          const merged: number[] = []
          for await (const page of inOrder(each(pages), each(letters.map((offset) => ({ offset }))), max)) {
            expect(page.length).toBeGreaterThan(0)
            expect(page.length).toBeLessThan(max + size + 1)
            merged.push(...page.map(({ offset }) => offset))
          }
          expect(merged).toEqual([...evidence, ...letters].sort((left, right) => left - right))
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe("a cursor", () => {
  const read = (...parts: string[]) => letterCursor.read(encodeCursor(letterList, parts))

  it("is what a page gave", () => {
    expect(read("2026-11-23T09:30:00.000Z", "ops.alert", "0", "7")).toEqual({
      ok: true,
      value: { ingestedAt: "2026-11-23T09:30:00.000Z", topic: "ops.alert", partition: 0, offset: 7 },
    })
  })

  it.each([
    ["a year that PostgreSQL has not", ["0000-01-01T00:00:00.000Z", "ops.alert", "0", "7"]],
    ["a day that never was", ["2026-02-30T00:00:00.000Z", "ops.alert", "0", "7"]],
    ["an hour that is none", ["2026-11-23T24:00:00.000Z", "ops.alert", "0", "7"]],
    ["a partition beyond all", ["2026-11-23T09:30:00.000Z", "ops.alert", "9999999999", "7"]],
    ["an offset beyond all", ["2026-11-23T09:30:00.000Z", "ops.alert", "0", "9".repeat(19)]],
    ["an odd topic", ["2026-11-23T09:30:00.000Z", "ops'alert", "0", "7"]],
    ["too little", ["2026-11-23T09:30:00.000Z"]],
  ])("with %s is forged", (_what, parts) => {
    expect(read(...parts)).toMatchObject({ ok: false })
  })
})

describe("headers", () => {
  it("read back as they were written, names that objects have of their own too", () => {
    const value = fc.option(fc.uint8Array({ maxLength: 9 }).map((bytes) => Buffer.from(bytes)))
    const header = fc.tuple(fc.oneof(fc.string(), fc.constantFrom("", "7", "constructor")), value)
    fc.assert(
      fc.property(fc.array(header, { maxLength: 5 }), (headers) => {
        fc.pre(headers.every(([name]) => name !== "__proto__"))
        const bytes = encodeHeaders(headers.map(([name, value]) => ({ [name]: value })))
        expect(decodeHeaders(bytes)).toEqual(headers.map(([name, value]) => ({ name, value })))
      }),
    )
  })

  it.each(["00", "00000001", "ffffffff00000000", "0000000161", "00000001610000000262"])(
    "that are cut short or have no name are none: %s",
    (hex) => {
      expect(decodeHeaders(Buffer.from(hex, "hex"))).toBeNull()
    },
  )
})

describe("the place of a letter", () => {
  it("is read as it is written", () => {
    const place = fc.record({
      topic: fc.constantFrom("ref.market_price", "a-b_c.9"),
      partition: fc.nat({ max: 999_999_999 }),
      offset: fc.maxSafeNat(),
    })
    fc.assert(
      fc.property(place, (one) => {
        expect(parsePlace(placeName(one))).toEqual({ ...one })
      }),
    )
  })

  it.each([
    "",
    "a",
    "a/0",
    "a/0/1/2",
    "a/00/1",
    "a/0/01",
    "a/-1/1",
    "a/0/9007199254740993",
    "a b/0/1",
    "/0/1",
  ])("is not %j", (text) => {
    expect(parsePlace(text)).toBeNull()
  })

  it("may be several, each once, and a wrong one is told", () => {
    expect(letterPlaces.read("a/0/1, a/0/2,a/0/1")).toEqual({
      ok: true,
      value: [1, 2].map((offset) => ({ topic: "a", partition: 0, offset })),
    })
    expect(letterPlaces.read("a/0/1,b")).toEqual({ ok: false, problem: '"b" is no place' })
  })
})

describe("the leaf of an act", () => {
  const act: Act = {
    ...{ number: 1, place: { topic: "a", partition: 0, offset: 1 }, act: "retried", eventId: "e" },
    ...{ actedBy: "ada", reason: "r", outcome: "o", databaseLogin: "l", actedAtMs: 5 },
  }
  const letter = Buffer.alloc(32, 1)
  const leaf = actLeaf(act, letter).toString("hex")

  it.each<Partial<Act>>([
    { number: 2 },
    { place: { topic: "a", partition: 1, offset: 1 } },
    { act: "dismissed" },
    { eventId: null },
    { actedBy: "" },
    { actedBy: "adar", reason: "" },
    { outcome: "p" },
    { databaseLogin: "m" },
    { actedAtMs: 6 },
  ])("is another with %j", (change) => {
    expect(actLeaf({ ...act, ...change }, letter).toString("hex")).not.toBe(leaf)
  })

  it("is another when the letter is, and stays what it was for acts that are recorded", () => {
    expect(actLeaf(act, Buffer.alloc(32, 2)).toString("hex")).not.toBe(leaf)
    const text = `[1,"a/0/1","retried","e","ada","r","o","l",5,"${"01".repeat(32)}"]`
    expect(leaf).toBe(createHash("sha256").update(`\0${text}`).digest("hex"))
  })
})
