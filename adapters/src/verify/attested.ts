import { root } from "../transparency-log/merkle-log.ts"
import { consistencyRanges, extendsLog, type RangeRoots, rangeRoots } from "../transparency-log/proof.ts"
import type { Findings } from "./findings.ts"
import type { Look } from "./watched-log.ts"

/** What was attested of a log at some time. */
export interface AttestedHead {
  readonly size: number
  readonly root: Buffer
  /** When, as the attestation says. */
  readonly at: string
}

/** Holds a log against what was attested of it while its leaves go by. */
export interface AttestedLog {
  readonly looks: ReadonlyArray<Look>
  readonly add: (leaves: ReadonlyArray<Buffer>) => void
  /** To be called with the log's size and root when its leaves are through. */
  readonly end: (size: number, root: Buffer) => void
}

/**
 * Every attested head must be the root of the log at that size, and the log must extend the last one by a consistency proof.
 * `expectedSize` is how many leaves the log should have. Reports the first head that does not fit: those after it cannot.
 */
export const attestedLog = (
  findings: Findings,
  log: string,
  heads: ReadonlyArray<AttestedHead>,
  expectedSize: number,
): AttestedLog => {
  let broken = false
  const report = (what: string): void => {
    if (!broken) findings.difference("attestation", log, what)
    broken = true
  }
  const last = heads.reduce<AttestedHead | null>(
    (latest, head) => (latest === null || head.size >= latest.size ? head : latest),
    null,
  )
  const proof: RangeRoots | null =
    last === null || last.size > expectedSize ? null : rangeRoots(consistencyRanges(last.size, expectedSize))
  return {
    looks: heads.map((head) => ({
      size: head.size,
      see: (made) => {
        if (!root(made).equals(head.root))
          report(
            `at size ${head.size} the root ${text(head.root)} was attested at ${head.at}, and the rows make ${text(root(made))}: what was recorded by then is not what is recorded now`,
          )
      },
    })),
    add: (leaves) => proof?.add(leaves),
    end: (size, now) => {
      const beyond = heads.find((head) => head.size > size)
      if (beyond !== undefined)
        report(
          `${beyond.size} leaves were attested at ${beyond.at}, and the log has ${size}: rows were removed, or an old backup was restored`,
        )
      if (broken || last === null || proof === null || size !== expectedSize) return
      if (!extendsLog(proof.roots(), last, { size, root: now }))
        report(
          `the log of ${size} leaves does not extend the one of ${last.size} that was attested at ${last.at}`,
        )
    },
  }
}

const text = (hash: Buffer): string => hash.toString("base64")
