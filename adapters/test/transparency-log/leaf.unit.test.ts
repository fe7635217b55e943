import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { encodeHeaders, leafHash, type RawMessage } from "../../src/transparency-log/leaf.ts"
import { leafOf } from "./naive-tree.ts"

const example: RawMessage = {
  topicId: Buffer.from("000102030405060708090a0b0c0d0e0f", "hex"),
  partition: 3,
  offset: 2 ** 40 + 5,
  leaderEpoch: 7,
  timestampMs: 1_795_426_200_123,
  key: Buffer.from("bitcoin:bcrt1q"),
  headers: encodeHeaders([{ source: Buffer.from("é") }, { empty: Buffer.alloc(0) }]),
  value: Buffer.from('{"revision":1}'),
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array))
const part = fc.option(bytes(6))
const header = fc.record({ name: fc.string({ maxLength: 3 }), value: bytes(3) })
const headers = fc.array(header, { maxLength: 3 })
const asKafkaGives = (list: ReadonlyArray<{ readonly name: string; readonly value: Buffer }>) =>
  list.map(({ name, value }) => ({ [name]: value }))

describe("a leaf", () => {
  it("is the hash of exactly these bytes", () => {
    const expected = Buffer.from(
      [
        "000102030405060708090a0b0c0d0e0f", // topic id
        "00000003", // partition
        "0000010000000005", // offset
        "00000007", // leader epoch
        "000001a207bdaa3b", // timestamp
        "0000000e626974636f696e3a626372743171", // key
        "0000001d", // headers: 29 bytes
        "00000006736f75726365",
        "00000002c3a9",
        "00000005656d707479",
        "00000000",
        "0000000e7b227265766973696f6e223a317d", // value
      ].join(""),
      "hex",
    )
    expect(leafHash(example)).toEqual(leafOf(expected))
    expect(leafHash(example).toString("hex")).toBe(
      "8918f77e407682fdf3e49cdb7e0c642b5db43da2772f6b85e633bcfda126c8ff",
    )
  })

  it("reads nothing as other than empty, and a missing epoch or time as -1", () => {
    const bare: RawMessage = {
      topicId: Buffer.alloc(16),
      partition: 0,
      offset: 0,
      leaderEpoch: -1,
      timestampMs: -1,
      key: null,
      headers: null,
      value: Buffer.alloc(0),
    }
    const expected = `${"00".repeat(28)}${"ff".repeat(4)}${"ff".repeat(8)}${"ff".repeat(8)}00000000`
    expect(leafHash(bare)).toEqual(leafOf(Buffer.from(expected, "hex")))
  })

  it.each<readonly [keyof RawMessage, Partial<RawMessage>]>([
    ["topicId", { topicId: Buffer.from("000102030405060708090a0b0c0d0e10", "hex") }],
    ["partition", { partition: 4 }],
    ["offset", { offset: 5 }],
    ["leaderEpoch", { leaderEpoch: 8 }],
    ["timestampMs", { timestampMs: 1_795_426_200_124 }],
    ["key", { key: null }],
    ["key", { key: Buffer.from("bitcoin:bcrt1p") }],
    ["headers", { headers: null }],
    ["headers", { headers: encodeHeaders([{ empty: Buffer.alloc(0) }, { source: Buffer.from("é") }]) }],
    ["value", { value: null }],
    ["value", { value: Buffer.from('{"revision":2}') }],
  ])("is another when the %s is", (_, change) => {
    expect(leafHash({ ...example, ...change })).not.toEqual(leafHash(example))
  })

  it("is another for every other split of the same bytes into key, headers and value", () => {
    const split = fc.record({ key: part, headers: part, value: part })
    fc.assert(
      fc.property(split, split, (left, right) => {
        const same = (["key", "headers", "value"] as const).every((name) =>
          left[name] === null || right[name] === null
            ? left[name] === right[name]
            : left[name].equals(right[name]),
        )
        const equal = leafHash({ ...example, ...left }).equals(leafHash({ ...example, ...right }))
        expect(equal).toBe(same)
      }),
    )
    fc.assert(
      fc.property(bytes(12), fc.nat({ max: 12 }), fc.nat({ max: 12 }), (all, one, other) => {
        const at = (end: number) => ({ key: all.subarray(0, end), value: all.subarray(end) })
        const equal = leafHash({ ...example, ...at(one) }).equals(leafHash({ ...example, ...at(other) }))
        expect(equal).toBe(Math.min(one, all.length) === Math.min(other, all.length))
      }),
    )
  })

  it("does not depend on the messages before it", () => {
    const long = { ...example, value: Buffer.alloc(100_000, 1) }
    const before = leafHash(example).toString("hex")
    leafHash(long)
    expect(leafHash(example).toString("hex")).toBe(before)
  })

  it("refuses a topic id that is not 16 bytes", () => {
    expect(() => leafHash({ ...example, topicId: Buffer.alloc(15) })).toThrow("16 bytes")
  })
})

describe("headers", () => {
  it("are none when there are none", () => {
    expect(encodeHeaders(undefined)).toBeNull()
    expect(encodeHeaders([])).toBeNull()
  })

  it("are written alike whether a value came as text or as bytes", () => {
    expect(encodeHeaders([{ a: "é" }])).toEqual(encodeHeaders([{ a: Buffer.from("é") }]))
  })

  it("tell an empty value from none", () => {
    expect(encodeHeaders([{ a: Buffer.alloc(0) }])).not.toEqual(encodeHeaders([{ a: null }]))
  })

  it("are written alike only when they are the same, in the same order", () => {
    fc.assert(
      fc.property(headers, headers, (left, right) => {
        const text = (list: typeof left) =>
          JSON.stringify(list.map(({ name, value }) => [name.toWellFormed(), value.toString("hex")]))
        const written = (list: typeof left) => encodeHeaders(asKafkaGives(list))?.toString("hex")
        expect(written(left) === written(right)).toBe(text(left) === text(right))
      }),
    )
  })
})
