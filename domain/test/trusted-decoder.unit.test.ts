import { Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { recordDecoder, recordEncoder } from "../src/codec.ts"
import { topics } from "../src/registry.ts"
import { marketPriceTopic } from "../src/topics/market-price.ts"
import { trustedDecoder } from "../src/trusted-decoder.ts"
import { bytesOf, goldenJson } from "./golden.ts"
import { anyRecordOf } from "./records.ts"

describe.each(topics)("$name, read on trust", (topic) => {
  const whole = recordDecoder(topic)
  const trusted = trustedDecoder(topic)
  const encode = recordEncoder(topic)

  it("is the record that the schema reads", () => {
    fc.assert(
      fc.property(anyRecordOf(topic.name), (record) => {
        const text = encode(record)
        expect(trusted(JSON.parse(text))).toEqual(whole(bytesOf(text)))
      }),
    )
  })

  it("has no field that the schema does not know, and none that JSON would mistake for a prototype", () => {
    for (const field of ['"not_known":{"amount":"1"}', '"__proto__":{"amount":"1"}']) {
      const text = `{${field},${JSON.stringify(goldenJson(topic.name)).slice(1)}`
      expect(trusted(JSON.parse(text))).toEqual(whole(bytesOf(text)))
    }
  })

  it("is refused for the schema's reason when a field is of another JSON type, or the id is missing", () => {
    const golden = goldenJson(topic.name)
    const wrong = Object.keys(golden).flatMap((field) =>
      [7, "seven", true, [{}]]
        .filter((value) => typeof value !== typeof golden[field])
        .map((value) => ({ ...golden, [field]: value })),
    )
    for (const record of [...wrong, { ...golden, [topic.id]: undefined }, [golden], null, "text"]) {
      const text = JSON.stringify(record)
      const expected = whole(bytesOf(text))
      expect(expected.ok, text).toBe(false)
      expect(trusted(JSON.parse(text)), text).toEqual(expected)
    }
  })
})

describe("a schema that does what the shape does not tell", () => {
  const upper = Schema.String.pipe(
    Schema.decodeTo(Schema.String, {
      decode: { run: (text: string) => text.toUpperCase() } as never,
      encode: { run: (text: string) => text } as never,
    }),
  )

  it.each([
    ["a conversion of its own", upper],
    [
      "two objects to choose from",
      Schema.Union([Schema.Struct({ a: Schema.BigIntFromString }), Schema.Null]),
    ],
    ["a tuple", Schema.Tuple([Schema.String])],
  ])("is read whole: %s", (_, pair) => {
    const topic = { ...marketPriceTopic, schema: Schema.Struct({ pair }) } as never
    expect(trustedDecoder(topic)({ pair: 7 })).toMatchObject({ ok: false })
  })
})
