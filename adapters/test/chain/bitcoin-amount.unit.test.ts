import fc from "fast-check"
import { expect, test } from "vitest"
import { satoshi } from "../../src/chain/bitcoin-amount.ts"

test("reads whole satoshi from what bitcoin-core gives: short numbers and long texts", () => {
  expect(satoshi(0.1)).toBe(10_000_000n)
  expect(satoshi(1e-8)).toBe(1n)
  expect(satoshi(0)).toBe(0n)
  expect(satoshi(21)).toBe(2_100_000_000n)
  expect(satoshi("20999999.99999999")).toBe(2_099_999_999_999_999n)
  expect(satoshi("0.10000000")).toBe(10_000_000n)
})

test.each([
  -0.5,
  "-1",
  "0.000000001",
  Number.NaN,
  Number.POSITIVE_INFINITY,
  "",
  "1,5",
  "0x10",
  "1e30",
  "1".repeat(40),
])("refuses %s", (bitcoin) => {
  expect(satoshi(bitcoin)).toBeNull()
})

test("is exact for every amount that can exist, however it is written", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 2_100_000_000_000_000n), (units) => {
      const text = `${units / 100_000_000n}.${String(units % 100_000_000n).padStart(8, "0")}`
      expect(satoshi(text)).toBe(units)
      if (text.length <= 15) expect(satoshi(Number(text))).toBe(units)
    }),
  )
})
