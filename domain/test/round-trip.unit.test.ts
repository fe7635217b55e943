import { isDeepStrictEqual } from "node:util"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { recordDecoder, recordEncoder, toJson } from "../src/codec.ts"
import { topics } from "../src/registry.ts"
import { bytesOf, goldenBytes, goldenJson } from "./golden.ts"
import { anyRecordOf } from "./records.ts"

describe.each(topics.map((topic) => ({ name: topic.name, topic })))(
  "a record of $name",
  ({ name, topic }) => {
    const decode = recordDecoder(topic)
    const encode = recordEncoder(topic)
    const read = (bytes: Uint8Array) => {
      const decoded = decode(bytes)
      if (!decoded.ok) throw new Error(decoded.reason)
      return decoded.record
    }

    it("is written again as the very bytes of the frozen sample", () => {
      expect(encode(read(goldenBytes(name)))).toBe(new TextDecoder().decode(goldenBytes(name)))
    })

    it("is the same after writing and reading", () => {
      fc.assert(
        fc.property(anyRecordOf(name), (record) => {
          // Not `toStrictEqual`: it takes a field that is called "constructor" for the object's own.
          expect(isDeepStrictEqual(read(bytesOf(encode(record))), record)).toBe(true)
        }),
      )
    })

    it("has one canonical form, whatever the order of fields, white space and unknown fields it came with", () => {
      fc.assert(
        fc.property(anyRecordOf(name), fc.nat({ max: 3 }), (record, indent) => {
          const canonical = encode(record)
          const fields: Record<string, unknown> = JSON.parse(canonical)
          const shuffled = Object.fromEntries([...Object.entries(fields), ["unknown_field", [1]]].reverse())
          expect(encode(read(bytesOf(JSON.stringify(shuffled, null, indent))))).toBe(canonical)
        }),
      )
    })

    it("is refused when it is not a record, instead of writing what nobody could read", () => {
      const { [topic.id]: _, ...rest } = read(goldenBytes(name)) as Record<string, unknown>
      expect(() => encode(rest)).toThrow()
    })

    it("ignores unknown fields, however deep", () => {
      const text = JSON.stringify(goldenJson(name))
      const deep = `${text.slice(0, -1)},"later":${"[".repeat(100_000)}${"]".repeat(100_000)}}`
      expect(read(bytesOf(deep))).toStrictEqual(read(goldenBytes(name)))
    })

    it("has its key, id, time and columns", () => {
      const record = read(goldenBytes(name))
      expect(topic.key(record)).not.toBe("")
      expect(record[topic.id]).toMatch(/^[0-9a-f-]{36}$/)
      expect(new Date(topic.occurredAt(record)).toISOString()).toBe(topic.occurredAt(record))
      for (const [column, { of }] of Object.entries(topic.columns)) expect(of(record), column).toBeDefined()
    })
  },
)

describe("JSON of values that hold amounts", () => {
  it("writes a bigint as its decimal string, at any depth", () => {
    expect(toJson({ held: [{ units: 2n ** 64n }] })).toBe('{"held":[{"units":"18446744073709551616"}]}')
  })
})
