import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { fundingTransfer } from "../src/funding-transfer.ts"
import { firstKnownIsKept } from "../src/laws/first-known.ts"
import { uncreditedIsNeverSpendable } from "../src/laws/never-spendable.ts"
import { reducerLaws } from "../src/laws/reducer-laws.ts"
import { projections } from "../src/registry.ts"
import { fundingHistory } from "../src/testing/funding-history.ts"
import { histories, historyOf } from "../src/testing/generators.ts"

describe.each(projections.map((projection) => ({ name: projection.name, projection })))(
  "$name",
  ({ projection }) => {
    it.each(reducerLaws.map((law) => ({ law: law.name, property: law.property })))("$law", ({ property }) => {
      fc.assert(property(projection, historyOf(projection.topic.name)), { numRuns: 200 })
    })
  },
)

it("keeps the tx_hash and first_seen_at of a transfer for ever once known", () => {
  fc.assert(firstKnownIsKept(fundingTransfer, fundingHistory), { numRuns: 500 })
})

it("never shows an uncredited transfer as spendable in any projection", () => {
  fc.assert(uncreditedIsNeverSpendable(projections, histories), { numRuns: 200 })
})

describe("the generators", () => {
  it("reach every status of a transfer, and hashes that come late or are rewritten", () => {
    const seen = fc.sample(fundingHistory, { numRuns: 300, seed: 1 }).flat()
    expect(new Set(seen.map((observation) => observation.status)).size).toBe(8)
    expect(seen.some((observation) => observation.tx_hash === null)).toBe(true)
    expect(new Set(seen.map((observation) => observation.cause)).size).toBe(11)
  })
})
