import * as fc from "fast-check"
import { expect, test } from "vitest"
import { type Cursor, cursorOf, decodeCursor, encodeCursor, pageOf } from "../../src/http/pagination.ts"

test("a cursor comes back as it was given, and on its own list only", () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.array(fc.string({ unit: "grapheme", maxLength: 20 }), { minLength: 1, maxLength: 4 }),
      (list, cursor) => {
        const text = encodeCursor(list, cursor)
        expect(decodeCursor(list, cursor.length, text)).toEqual(cursor)
        expect(decodeCursor(`${list}x`, cursor.length, text)).toBeNull()
        expect(decodeCursor(list, cursor.length + 1, text)).toBeNull()
      },
    ),
  )
})

test("any other text is no cursor, and nothing throws", () => {
  const base64 = (text: string) => Buffer.from(text).toString("base64url")
  const texts = [
    "",
    "abc",
    "=",
    "a".repeat(2_000),
    base64("[1]"),
    base64('[2,["alerts","a"]]'),
    base64('[1,["alerts",5]]'),
    `${encodeCursor("alerts", ["a"])}A`,
    encodeCursor("alerts", ["a\u0000"]),
    encodeCursor("alerts", ["\ud800"]),
    "%00",
  ]
  for (const text of texts) expect(decodeCursor("alerts", 1, text)).toBeNull()
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(decodeCursor("alerts", 1, text)).toBeNull()
    }),
  )
})

test("walking the pages shows each row once, whatever is added in front", () => {
  const rows = Array.from({ length: 10 }, (_, index) => ({ id: String(index).padStart(2, "0") }))
  const after = (cursor: Cursor | null) => rows.filter(({ id }) => cursor === null || id > (cursor[0] ?? ""))
  const seen: string[] = []
  let cursor: Cursor | null = null
  for (let pages = 0; pages < 9; pages++) {
    const page = pageOf("rows", after(cursor).slice(0, 4), 3, ({ id }) => [id])
    seen.push(...page.items.map(({ id }) => id))
    rows.unshift({ id: "-" })
    if (page.next_cursor === null) break
    const read = cursorOf("rows", 1).read(page.next_cursor)
    cursor = read.ok ? read.value : null
  }
  expect(seen).toEqual(rows.filter(({ id }) => id !== "-").map(({ id }) => id))
})
