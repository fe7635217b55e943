import { describe, expect, it } from "vitest"
import { position, shortPosition } from "../../src/config/position-kind.ts"

describe("a position as one text", () => {
  it.each([
    ["a/0=5", { a: { "0": 5 } }],
    [
      "a/0=5, a/1=0,b.c_d/12=9007199254740991",
      { a: { "0": 5, "1": 0 }, "b.c_d": { "12": 9007199254740991 } },
    ],
    ['{"a":{"0":5}}', { a: { "0": 5 } }],
    ["{}", {}],
  ])("is read: %s", (text, value) => {
    expect(position.read(text)).toEqual({ ok: true, value })
  })

  it.each([
    "",
    "a",
    "a/0",
    "a/0=",
    "a/0=-1",
    "a/0=1.5",
    "a/-1=1",
    "a/0=1,",
    "a/0=1,a/0=2",
    "a/00=1",
    "a/0=9007199254740993",
    "__proto__/0=1",
    "{",
    '{"a":{"0":"5"}}',
    '{"a":5}',
    '{"a b":{"0":5}}',
  ])("is refused: %j", (text) => {
    expect(position.read(text)).toMatchObject({ ok: false })
  })

  it("is written as it is read, partitions in order", () => {
    const at = { a: { "10": 1, "2": 3 }, b: { "0": 7 } }
    expect(shortPosition(at)).toBe("a/2=3,a/10=1,b/0=7")
    expect(position.read(shortPosition(at))).toEqual({ ok: true, value: at })
  })
})
