import fc from "fast-check"
import { expect, it } from "vitest"
import { firstAfter } from "../../src/http/first-after.ts"
import { decodeCursor, pageOf } from "../../src/http/pagination.ts"

it("pages through a list without an order, each row once, whatever the size of a page", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 300 }),
      fc.integer({ min: 1, max: 7 }),
      (keys, limit) => {
        const read: string[] = []
        for (let after = "", pages = 0; pages <= keys.length; pages++) {
          const rows = firstAfter(keys, (key) => key, after, limit)
          const { items, next_cursor } = pageOf("keys", rows, limit, (key) => [key])
          read.push(...items)
          if (next_cursor === null) break
          after = decodeCursor("keys", 1, next_cursor)?.[0] ?? "never"
        }
        expect(read).toEqual(keys.toSorted())
      },
    ),
  )
})
