import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  append,
  decodeLog,
  emptyLog,
  encodeEdge,
  type MerkleLog,
  root,
} from "../../src/transparency-log/merkle-log.ts"
import { leafOf, merkleTreeHash } from "./naive-tree.ts"

/** The leaves of the reference tests of Certificate Transparency, and the root after each of them. */
const reference: ReadonlyArray<readonly [leaf: string, root: string]> = [
  ["", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
  ["00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
  ["10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"],
  ["2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
  ["3031", "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"],
  ["40414243", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"],
  ["5051525354555657", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"],
  ["606162636465666768696a6b6c6d6e6f", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"],
]

const leaves = fc
  .array(fc.uint8Array({ maxLength: 8 }), { maxLength: 70 })
  .map((list) => list.map((data) => leafOf(data)))

/** Appends in batches that end at the given places. */
const inBatches = (all: ReadonlyArray<Buffer>, ends: ReadonlyArray<number>): MerkleLog => {
  const cuts = [0, ...ends.map((end) => end % (all.length + 1)).sort((a, b) => a - b), all.length]
  return cuts.slice(1).reduce((log, end, index) => append(log, all.slice(cuts[index], end)), emptyLog)
}

describe("the Merkle log", () => {
  it("has the hash of nothing as its root while it is empty", () => {
    expect(root(emptyLog).toString("hex")).toBe(
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    )
  })

  it("has the roots of the reference tests of Certificate Transparency", () => {
    let log = emptyLog
    for (const [leaf, expected] of reference) {
      log = append(log, [leafOf(Buffer.from(leaf, "hex"))])
      expect(root(log).toString("hex")).toBe(expected)
    }
  })

  it("has the root that RFC 6962 defines, at every size", () => {
    let log = emptyLog
    const all: Buffer[] = []
    for (let size = 1; size <= 300; size++) {
      const leaf = leafOf(Buffer.from(`leaf ${size}`))
      all.push(leaf)
      log = append(log, [leaf])
      expect(root(log)).toEqual(merkleTreeHash(all))
      expect(log.size).toBe(size)
    }
  })

  it("has the same root however its leaves are split into batches, also when it is stored in between", () => {
    fc.assert(
      fc.property(leaves, fc.array(fc.nat({ max: 70 }), { maxLength: 6 }), (all, ends) => {
        const log = inBatches(all, ends)
        expect(root(log)).toEqual(merkleTreeHash(all))
        const stored = decodeLog(log.size, encodeEdge(log))
        const more = [leafOf(Buffer.from("more")), leafOf(Buffer.from("and more"))]
        expect(stored).toEqual(log)
        expect(root(append(stored, more))).toEqual(merkleTreeHash([...all, ...more]))
      }),
    )
  })

  it("is not changed by what is appended to it", () => {
    const log = append(emptyLog, [leafOf(Buffer.from("a")), leafOf(Buffer.from("b"))])
    const before = root(log).toString("hex")
    const left = append(log, [leafOf(Buffer.from("left"))])
    const right = append(log, [leafOf(Buffer.from("right"))])
    expect(root(log).toString("hex")).toBe(before)
    expect(root(left)).not.toEqual(root(right))
  })

  it("keeps one hash for each full subtree on its right edge, the largest first", () => {
    const all = Array.from({ length: 11 }, (_, index) => leafOf(Buffer.of(index)))
    expect(append(emptyLog, all).rightEdge).toEqual([
      merkleTreeHash(all.slice(0, 8)),
      merkleTreeHash(all.slice(8, 10)),
      merkleTreeHash(all.slice(10)),
    ])
  })

  it.each([
    ["too short", 3, 32],
    ["too long", 4, 64],
    ["not of whole hashes", 1, 31],
    ["of an empty log but not empty", 0, 32],
    ["missing", 1, 0],
  ])("refuses an edge that is %s", (_, size, bytes) => {
    expect(() => decodeLog(size, Buffer.alloc(bytes))).toThrow(`a log of ${size} leaves`)
  })

  it.each([-1, 1.5, Number.NaN, 2 ** 53])("refuses the size %s", (size) => {
    expect(() => decodeLog(size, Buffer.alloc(32))).toThrow("leaves")
  })

  it("counts its leaves beyond 2^32", () => {
    const size = 2 ** 40 + 2 ** 33
    const edge = Buffer.concat([leafOf(Buffer.of(1)), leafOf(Buffer.of(2))])
    const grown = append(decodeLog(size, edge), [leafOf(Buffer.of(3))])
    expect(grown.size).toBe(size + 1)
    expect(decodeLog(grown.size, encodeEdge(grown))).toEqual(grown)
    expect(grown.rightEdge.length).toBe(3)
  })
})
