import { describe, expect, test } from "vitest"
import { eureContract, eureV2, firstBlockOf } from "../../src/chain/evm-eure.ts"

describe("EURE_CONTRACT", () => {
  test("takes the second version, however it is written, and other contracts", () => {
    const small = eureV2.toLowerCase()
    expect(eureContract.read(eureV2)).toEqual({ ok: true, value: small })
    expect(eureContract.read(small)).toEqual({ ok: true, value: small })
    const other = "0x00000000000000000000000000000000000000ef"
    expect(eureContract.read(other)).toEqual({ ok: true, value: other })
  })

  test.each(["0xcB444e90D8198415266c6a2724b7900fb12FC56E", "0xcb444e90d8198415266c6a2724b7900fb12fc56e"])(
    "refuses the first version, which repeats each transfer: %s",
    (given) => {
      expect(eureContract.read(given)).toMatchObject({
        ok: false,
        problem: expect.stringMatching(/EURe's first version.*; use 0x420C/),
      })
    },
  )

  test.each([
    ["0x420CA0f9", "40 hexadecimal digits"],
    ["EURe", "40 hexadecimal digits"],
    ["0x420cA0f9B9b604cE0fd9C18EF134C705e5Fa3430", "checksum"],
  ])("refuses %s", (given, word) => {
    expect(eureContract.read(given)).toMatchObject({ ok: false, problem: expect.stringContaining(word) })
  })

  test("begins where the second version took over", () => {
    expect(firstBlockOf(eureV2.toLowerCase())).toBe(35_656_951)
    expect(firstBlockOf("0x00000000000000000000000000000000000000ef")).toBe(0)
  })
})
