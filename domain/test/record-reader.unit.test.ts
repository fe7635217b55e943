import { Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { recordEncoder, valueDecoder } from "../src/codec.ts"
import { checkedReader, misfit } from "../src/record-reader.ts"
import { topics } from "../src/registry.ts"
import { goldenJson } from "./golden.ts"
import { anyRecordOf } from "./records.ts"

/** Values that are wrong in a way that only a check or a type tells. */
const oddValues: ReadonlyArray<unknown> = [
  ...[null, true, 0, -0, -1, 1.5, 2 ** 31, 2 ** 53, "", " ", "a\u001bb", "\ud800", "7", "007", "-1", "seen"],
  ...["2026-02-30T00:00:00.000Z", "2026-11-23T09:30:00Z", "x".repeat(257), [], [[]], {}, { a: 1 }],
  ...[{ "0": 1 }, { "ops.alert": { "0": -1 } }, { "ops.alert": { "00": 1 } }, [{ amount: "1" }]],
]

/** Every JSON text that has one value at any depth changed to an odd one, or left out, or one more field. */
const spoilt = (value: unknown): ReadonlyArray<unknown> => {
  if (typeof value !== "object" || value === null) return oddValues
  if (Array.isArray(value))
    return [
      ...oddValues,
      ...value.flatMap((item, place) => spoilt(item).map((other) => value.with(place, other))),
    ]
  const fields = Object.entries(value)
  return [
    ...oddValues,
    ...fields.flatMap(([name, item]) => spoilt(item).map((other) => ({ ...value, [name]: other }))),
    ...fields.map(([name]) => Object.fromEntries(fields.filter(([other]) => other !== name))),
    { ...value, not_known: 1 },
    { ...value, not_known: { deep: "a\u001bb" } },
  ]
}

const numbersBeyond = (text: string): ReadonlyArray<string> => [
  text.replace(/"(\w+)":(\d+)/, '"$1":1e999'),
  text.replace('"details":{', '"details":{"more":[1e999],'),
  text.replace("{", '{"__proto__":{"amount":"1"},'),
  text.replace('"details":{', '"details":{"__proto__":1,'),
]

describe.each(topics)("$name, read by a checked reader", (topic) => {
  const reader = checkedReader(topic.schema.ast)
  const whole = valueDecoder(topic)
  const read = (text: string): unknown => (reader === null ? misfit : reader(JSON.parse(text)))

  it("is the record that the schema makes", () => {
    const encode = recordEncoder(topic)
    fc.assert(
      fc.property(anyRecordOf(topic.name), (record) => {
        const text = encode(record)
        expect(whole(JSON.parse(text))).toEqual({ ok: true, record: read(text) })
      }),
    )
  })

  it("is a misfit wherever the schema refuses it", () => {
    const golden = goldenJson(topic.name)
    const texts = [
      ...spoilt(golden).map((value) => JSON.stringify(value)),
      ...numbersBeyond(JSON.stringify(golden)),
    ]
    let taken = 0
    for (const text of texts) {
      const decoded = whole(JSON.parse(text))
      const made = read(text)
      if (made !== misfit) {
        taken++
        expect(decoded, text).toEqual({ ok: true, record: made })
      }
    }
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(texts.length / 2)
  })
})

describe("a schema that does more than is known", () => {
  it.each([
    ["a tuple", Schema.Tuple([Schema.String])],
    ["a conversion of its own", Schema.BigIntFromString],
    [
      "a choice of objects that convert",
      Schema.Union([Schema.Struct({ a: Schema.BigIntFromString }), Schema.Null]),
    ],
    ["names that are checked", Schema.Record(Schema.String.check(Schema.isMinLength(2)), Schema.String)],
  ])("has no checked reader: %s", (_, schema) => {
    expect(checkedReader(Schema.Struct({ schema }).ast)).toBeNull()
  })
})
