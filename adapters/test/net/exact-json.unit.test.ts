import * as fc from "fast-check"
import { isLosslessNumber } from "lossless-json"
import { expect, test } from "vitest"
import { exactNumber, jsonDepth, parseExactJson } from "../../src/net/exact-json.ts"

test.each([
  ["0", 0],
  ["-0", 0],
  ["0.0", 0],
  ["0e99999", 0],
  ["12", 12],
  ["9007199254740991", 9_007_199_254_740_991],
  ["9007199254740992", 9_007_199_254_740_992n],
  ["-9007199254740993", -9_007_199_254_740_993n],
  ["1e21", 10n ** 21n],
  ["1.5e1", 15],
  ["10.0", 10],
  ["1000e-3", 1],
  ["0.5", 0.5],
  ["0.00012345", 0.00012345],
])("reads %s exactly", (text, value) => {
  expect(exactNumber(text)).toBe(value)
})

test.each(["1.0000000000000000001", "1e99999", "1e-400", "1".repeat(101), "0.1234567890123456789"])(
  "keeps the digits of %s, which no number or bigint holds",
  (text) => {
    const number = exactNumber(text)
    expect(isLosslessNumber(number) && number.value).toBe(text)
  },
)

test("every whole number comes back as it was written", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 98n), max: 10n ** 98n }), (units) => {
      expect(wholeNumber(`${units}`)).toBe(units)
    }),
  )
})

const wholeNumber = (text: string): bigint => {
  const number = parseExactJson(text)
  if (typeof number === "bigint") return number
  if (typeof number === "number") return BigInt(number)
  throw new Error(`not a whole number: ${String(number)}`)
}

test("counts nesting outside of strings only", () => {
  expect(jsonDepth('"[[[{"')).toBe(0)
  expect(jsonDepth('{"a\\"[[[":[1,[2]],"b":{}}')).toBe(3)
  expect(jsonDepth("[".repeat(1_000_000))).toBe(1_000_000)
})
