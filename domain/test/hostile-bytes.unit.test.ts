import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { messageBytesMax, recordDecoder } from "../src/codec.ts"
import { topics } from "../src/registry.ts"
import { alertTopic } from "../src/topics/alert.ts"
import { marketPriceTopic } from "../src/topics/market-price.ts"
import { bytesOf, goldenBytes, goldenJson } from "./golden.ts"

const decodePrice = recordDecoder(marketPriceTopic)
const price = new TextDecoder().decode(goldenBytes(marketPriceTopic.name))

const reasonOf = (bytes: Uint8Array | null): string => {
  const decoded = decodePrice(bytes)
  return decoded.ok ? "taken" : decoded.reason
}

describe("bytes that are no record", () => {
  it.each([
    ["no value", null, "the message has no value"],
    ["nothing", bytesOf(""), "not UTF-8 JSON"],
    ["white space", bytesOf("  \n"), "not UTF-8 JSON"],
    ["a byte order mark", bytesOf(`\ufeff${price}`), "not UTF-8 JSON"],
    ["invalid UTF-8", Uint8Array.from([0x22, 0xc3, 0x28, 0x22]), "not UTF-8 JSON"],
    ["an overlong encoding", Uint8Array.from([0x22, 0xc0, 0xaf, 0x22]), "not UTF-8 JSON"],
    ["a surrogate in UTF-8", Uint8Array.from([0x22, 0xed, 0xa0, 0x80, 0x22]), "not UTF-8 JSON"],
    ["UTF-16", new Uint8Array(new Uint16Array([0x7b, 0x7d]).buffer), "not UTF-8 JSON"],
    ["half a record", bytesOf(price.slice(0, -20)), "not UTF-8 JSON"],
    ["two records", bytesOf(price + price), "not UTF-8 JSON"],
    ["a comment", bytesOf(`${price} // why`), "not UTF-8 JSON"],
    ["NaN", bytesOf('{"price":NaN}'), "not UTF-8 JSON"],
    ["HTML", bytesOf("<html><body>502 Bad Gateway</body></html>"), "not UTF-8 JSON"],
    ["null", bytesOf("null"), "xpected object"],
    ["a list of records", bytesOf(`[${price}]`), "xpected object"],
    ["a record in a text", bytesOf(JSON.stringify(price)), "xpected object"],
    ["deep nesting", bytesOf("[".repeat(100_000) + "]".repeat(100_000)), "xpected object"],
    ["deep nesting without an end", bytesOf("[".repeat(100_000)), "not UTF-8 JSON"],
    ["too many bytes", bytesOf(" ".repeat(messageBytesMax + 1)), `${messageBytesMax + 1} bytes`],
  ])("%s is refused in every topic, with the reason", (_, bytes, reason) => {
    for (const topic of topics) {
      const decoded = recordDecoder(topic)(bytes)
      expect([topic.name, decoded.ok ? "taken" : decoded.reason]).toEqual([
        topic.name,
        expect.stringContaining(reason),
      ])
    }
  })

  it("is taken at exactly the most bytes, and refused one byte later", () => {
    expect(reasonOf(bytesOf(price.padEnd(messageBytesMax)))).toBe("taken")
    expect(reasonOf(bytesOf(price.padEnd(messageBytesMax + 1)))).toContain("more than")
  })

  it.each(topics.map((topic) => ({ name: topic.name, topic })))(
    "never makes the reader of $name throw, and has a reason that a database and a terminal can hold",
    ({ name, topic }) => {
      const decode = recordDecoder(topic)
      const sample = new TextDecoder().decode(goldenBytes(name))
      const broken = fc
        .tuple(
          fc.nat({ max: sample.length }),
          fc.string({ unit: "binary", maxLength: 5 }),
          fc.nat({ max: 3 }),
        )
        .map(([place, put, cut]) => bytesOf(sample.slice(0, place) + put + sample.slice(place + cut)))
      const inText = fc
        .string({ unit: "binary" })
        .map((text) => bytesOf({ [text]: text, ...goldenJson(name), [topic.id]: text }))
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array(), broken, inText, fc.json().map(bytesOf)), (bytes) => {
          const decoded = decode(bytes)
          if (decoded.ok) return
          expect(decoded.reason).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/)
          expect(decoded.reason.isWellFormed()).toBe(true)
          expect(decoded.reason.length).toBeLessThanOrEqual(2001)
        }),
        { numRuns: 300 },
      )
    },
  )

  it("quotes a NUL in escaped form, and cuts a long quotation", () => {
    expect(reasonOf(bytesOf("\u0000"))).toContain("\\u0000")
    expect(
      reasonOf(bytesOf(`{"observed_at":"${"9".repeat(3000)}",${price.slice(1, -30)}}`)).length,
    ).toBeLessThan(2002)
  })
})

describe("names that a program could mistake for a prototype", () => {
  it("are unknown fields like any other", () => {
    const text = `{"__proto__":{"pair":"X/Y"},"constructor":1,"toString":2,${price.slice(1)}`
    const decoded = decodePrice(bytesOf(text))
    if (!decoded.ok) throw new Error(decoded.reason)
    expect(Object.getPrototypeOf(decoded.record)).toBe(Object.prototype)
    expect(decoded.record).toStrictEqual(JSON.parse(price))
  })

  it("do not stand in for a field that is missing", () => {
    const { pair: _, ...rest } = goldenJson(marketPriceTopic.name)
    const text = `{"__proto__":{"pair":"X/Y"},${JSON.stringify(rest).slice(1)}`
    expect(reasonOf(bytesOf(text))).toContain("pair")
  })

  const alert = new TextDecoder().decode(goldenBytes(alertTopic.name))
  const decodeAlert = recordDecoder(alertTopic)

  it.each([
    ["as a detail", alert.replace('"ratio"', '"__proto__"')],
    ["inside a detail", alert.replace('"ratio":0.25', '"ratio":{"__proto__":{}}')],
    ["as a topic of the cut", alert.replace('{"ops.funding_observation":', '{"__proto__":')],
    ["as a partition of the cut", alert.replace('{"0":12', '{"__proto__":12')],
  ])("are refused %s", (_, text) => {
    expect(text).not.toBe(alert)
    expect(decodeAlert(bytesOf(text))).toMatchObject({ ok: false })
  })
})

describe("free-form details", () => {
  const withDetail = (json: string) =>
    recordDecoder(alertTopic)(
      bytesOf(
        new TextDecoder().decode(goldenBytes(alertTopic.name)).replace('"ratio":0.25', `"ratio":${json}`),
      ),
    )
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels)

  it("may be 32 levels deep, and are refused deeper, even where the stack would end", () => {
    expect(withDetail(nested(32)).ok).toBe(true)
    for (const levels of [33, 1000, 5000, 100_000])
      expect(withDetail(nested(levels)).ok, `${levels}`).toBe(false)
  })

  it("are refused when no database could hold them", () => {
    for (const json of ['"\\u0000"', '"\\ud800"', '{"\\u0000":1}', '"\\u001b[2J"', "1e999"])
      expect(withDetail(json).ok, json).toBe(false)
  })
})
