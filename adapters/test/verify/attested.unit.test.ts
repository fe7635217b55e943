import { describe, expect, it } from "vitest"
import { append, emptyLog, root } from "../../src/transparency-log/merkle-log.ts"
import { attestedLog } from "../../src/verify/attested.ts"
import { differenceLine, Findings } from "../../src/verify/findings.ts"
import { watchedLog } from "../../src/verify/watched-log.ts"

const leaves = (count: number, first = 1): ReadonlyArray<Buffer> =>
  Array.from({ length: count }, (_, at) => Buffer.alloc(32, first + at))
const rootOf = (list: ReadonlyArray<Buffer>): Buffer => root(append(emptyLog, list))
const head = (list: ReadonlyArray<Buffer>, at: string) => ({ size: list.length, root: rootOf(list), at })

const heads = [head(leaves(3), "first"), head(leaves(7), "second")]

/** What is found when the log of these leaves is held against the heads; with or without a look at each attested size. */
const held = (list: ReadonlyArray<Buffer>, looks = true): ReadonlyArray<string> => {
  const findings = new Findings()
  const against = attestedLog(findings, "log", heads, list.length)
  const tree = watchedLog(looks ? against.looks : [])
  for (let at = 0; at < list.length; at += 2) {
    tree.add(list.slice(at, at + 2))
    against.add(list.slice(at, at + 2))
  }
  against.end(list.length, rootOf(list))
  return findings.differences.map(differenceLine)
}

describe("a log against what was attested of it", () => {
  it("is as attested when it extends every head", () => {
    for (let size = 7; size < 40; size++) expect(held(leaves(size))).toEqual([])
  })

  it("is told once, at the first head that does not fit", () => {
    expect(held(leaves(9).with(1, Buffer.alloc(32, 0xee)))).toEqual([
      expect.stringMatching(/^log: at size 3 the root .* was attested at first, and the rows make/),
    ])
    expect(held(leaves(9).with(5, Buffer.alloc(32, 0xee)))).toEqual([
      expect.stringMatching(/^log: at size 7 the root .* was attested at second/),
    ])
    expect(held(leaves(9).with(8, Buffer.alloc(32, 0xee)))).toEqual([])
  })

  it("is found shorter than attested", () => {
    expect(held(leaves(5))).toEqual([
      expect.stringContaining("7 leaves were attested at second, and the log has 5"),
    ])
    expect(held([])).toEqual([expect.stringContaining("3 leaves were attested at first, and the log has 0")])
  })

  it("must extend the last head by a consistency proof, whatever the looks have seen", () => {
    expect(held(leaves(20), false)).toEqual([])
    expect(held(leaves(20).with(2, Buffer.alloc(32, 0xee)), false)).toEqual([
      "log: the log of 20 leaves does not extend the one of 7 that was attested at second",
    ])
  })
})
