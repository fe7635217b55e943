import { describe, expect, it } from "vitest"
import { append, emptyLog, root } from "../../src/transparency-log/merkle-log.ts"
import { newKey, readSigner } from "../../src/transparency-log/note-key.ts"
import { fallsShort, newestHeads, partsFrom } from "../../src/verify/newest-heads.ts"

const { verifier } = readSigner(newKey("desk.example/landfall"))
const at = (second: number): string => `2026-11-23T00:00:0${second}.000Z`

const attestation = (
  second: number,
  logs: ReadonlyArray<readonly [log: string, size: number, next: number]>,
) => ({
  checkpoints: [],
  statement: {
    ...{ at: at(second), schema: 10, states: [] },
    logs: logs.map(([log, size, next]) => ({
      origin: `desk.example/landfall/${log}`,
      root: Buffer.alloc(32, size),
      ...{ size, next },
    })),
  },
})

describe("the newest head of a log", () => {
  it("is the largest that was attested, also where a later attestation does not name the log", () => {
    const heads = newestHeads(
      [
        attestation(1, [
          ["ops.alert/0", 3, 4],
          ["gone/0", 1, 1],
        ]),
        attestation(2, [["ops.alert/0", 5, 8]]),
        // As somebody may put two files together.
        attestation(3, [["ops.alert/0", 2, 3]]),
      ],
      verifier,
    )
    expect(Object.fromEntries(heads)).toEqual({
      "ops.alert/0": { size: 5, next: 8, at: at(2), root: Buffer.alloc(32, 5) },
      "gone/0": { size: 1, next: 1, at: at(1), root: Buffer.alloc(32, 1) },
    })
  })
})

describe("a stated log", () => {
  const log = append(emptyLog, [Buffer.alloc(32, 1), Buffer.alloc(32, 2)])
  const head = (size: number, next: number) => ({ size, next, at: at(1), root: root(log) })
  const stated = { log, next: 7 }

  it("falls short of a larger one, and of one of its size that reached farther", () => {
    expect(fallsShort(stated, head(2, 7))).toBeNull()
    expect(fallsShort(stated, head(1, 3))).toBeNull()
    expect(fallsShort(stated, head(3, 7))).toBe(
      `3 leaves with root ${root(log).toString("base64")} up to position 7 were attested at ${at(1)}, and the record has 2 with root ${root(log).toString("base64")} up to position 7`,
    )
    // Letters and repeated messages are in no log; a record that lacks them is old all the same.
    expect(fallsShort(stated, head(2, 8))).toMatch("up to position 8 were attested")
    expect(fallsShort({ log: emptyLog, next: 0 }, head(1, 1))).toMatch("the record has 0 with root")
  })

  it("parts from one with another root", () => {
    expect(partsFrom(stated, head(2, 7), root(log))).toBeNull()
    expect(partsFrom(stated, head(2, 7), Buffer.alloc(32))).toMatch(
      /^2 leaves with root \S+ up to position 7 were attested at .*, and the first 2 of the 2 in the record make root A{43}=: the log does not extend what was attested$/,
    )
  })
})
