import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { furthest, type Position, reached } from "../src/position.ts"

const plain = { noNullPrototype: true }
const partitions = fc.dictionary(fc.constantFrom("0", "1", "2"), fc.nat({ max: 20 }), plain)
const position: fc.Arbitrary<Position> = fc.dictionary(
  fc.constantFrom("ops.alert", "ref.market_price", "valueOf", "__proto__"),
  partitions,
  plain,
)

describe("the furthest of two positions", () => {
  it("does not depend on order or grouping, and of one position is itself", () => {
    fc.assert(
      fc.property(position, position, position, (a, b, c) => {
        expect(furthest(a, b)).toEqual(furthest(b, a))
        expect(furthest(furthest(a, b), c)).toEqual(furthest(a, furthest(b, c)))
        expect(furthest(a, a)).toEqual(a)
        expect(furthest(a, {})).toEqual(a)
      }),
    )
  })

  it("has reached both, and is reached by whatever has", () => {
    fc.assert(
      fc.property(position, position, position, (a, b, c) => {
        const both = furthest(a, b)
        expect(reached(both, a) && reached(both, b)).toBe(true)
        expect(reached(c, both)).toBe(reached(c, a) && reached(c, b))
      }),
    )
  })

  it("changes neither of the two, nor anything that all objects share", () => {
    const left: Position = JSON.parse('{"__proto__":{"0":5},"a":{"0":1}}')
    const before = JSON.stringify(left)
    const both = furthest(left, { a: { "0": 2, __proto__: null } as unknown as Position[string] })
    expect(JSON.stringify(left)).toBe(before)
    expect(JSON.stringify(both)).toBe('{"__proto__":{"0":5},"a":{"0":2}}')
    expect(Object.keys(Object.prototype)).toEqual([])
  })
})

describe("reaching a position", () => {
  it("is to have read every partition of it", () => {
    const target: Position = { "ops.alert": { "0": 5, "1": 3 } }
    expect(reached({ "ops.alert": { "0": 5, "1": 3 } }, target)).toBe(true)
    expect(reached({ "ops.alert": { "0": 9, "1": 3 }, more: { "0": 1 } }, target)).toBe(true)
    expect(reached({ "ops.alert": { "0": 5, "1": 2 } }, target)).toBe(false)
    expect(reached({ "ops.alert": { "0": 5 } }, target)).toBe(false)
    expect(reached({}, target)).toBe(false)
  })

  it("takes a partition that was not read for one read up to 0", () => {
    expect(reached({}, { "ops.alert": { "0": 0 } })).toBe(true)
    expect(reached({}, { "ops.alert": { "0": 1 } })).toBe(false)
  })

  it("does not take what all objects share for something that was read", () => {
    expect(reached({}, JSON.parse('{"constructor":{"length":1}}'))).toBe(false)
    expect(reached({ "ops.alert": {} }, JSON.parse('{"ops.alert":{"constructor":1}}'))).toBe(false)
  })

  it("is reflexive and transitive", () => {
    fc.assert(
      fc.property(position, position, position, (a, b, c) => {
        expect(reached(a, a)).toBe(true)
        if (reached(a, b) && reached(b, c)) expect(reached(a, c)).toBe(true)
      }),
    )
  })
})
