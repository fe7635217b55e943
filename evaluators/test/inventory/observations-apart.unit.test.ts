import { amount } from "@landfall/domain/amount"
import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import type { FundingObservation } from "@landfall/domain/topics/funding-observation"
import { type IntentInventory, intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { foldInto, type Rows } from "@landfall/projections/fold"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import { fundingHistory } from "@landfall/projections/testing/funding-history"
import { uncreditedTotals } from "@landfall/projections/uncredited"
import fc from "fast-check"
import { expect, test } from "vitest"
import {
  computeInventory,
  type ReportedDeposit,
  sameBalances,
} from "../../src/inventory/compute-inventory.ts"

/** One poll: what the verifier holds, and which of the observed deposits the bridge has heard of by then. */
interface Poll {
  readonly btc: bigint
  readonly eure: bigint
  readonly heard: ReadonlyArray<{ readonly nth: number; readonly status: string }>
}

const units = fc.bigInt(0n, 10n ** 24n)
const poll: fc.Arbitrary<Poll> = fc.record({
  btc: units,
  eure: units,
  heard: fc.array(
    fc.record({
      nth: fc.nat({ max: 20 }),
      status: fc.constantFrom("PENDING", "COMPLETED", "CREDITED", "FAILED"),
    }),
    { maxLength: 4 },
  ),
})

const start_ms = Date.UTC(2026, 10, 23)
const encode = recordEncoder(intentInventoryTopic)

/** The bridge's rows are about the very deposits that were observed: same asset, same amount. */
const rowsOf = (
  heard: Poll["heard"],
  deposits: ReadonlyArray<FundingObservation>,
): ReadonlyArray<ReportedDeposit> =>
  heard.flatMap(({ nth, status }) => {
    const seen = deposits[nth]
    return seen === undefined ? [] : [{ asset_id: seen.asset_id, amount: seen.amount, status }]
  })

/**
 * Plays polls the way the service does, while the observations of a stream are folded beside them; gives the bytes of
 * all events that are published, and what was shown as on its way.
 */
const play = (
  polls: ReadonlyArray<Poll>,
  deposits: ReadonlyArray<FundingObservation>,
  observations: ReadonlyArray<FundingObservation>,
) => {
  const rows: Rows<FundingTransfer> = new Map()
  const events: string[] = []
  const shown: string[] = []
  let published: IntentInventory | null = null
  for (const [index, { btc, eure, heard }] of polls.entries()) {
    const share = Math.ceil(observations.length / polls.length)
    foldInto(fundingTransfer, rows, observations.slice(index * share, (index + 1) * share))
    shown.push(String([...uncreditedTotals(rows.values())]))
    const computed = computeInventory({
      account_id: "desk.near",
      observed_at: timestamp(start_ms + index * 2_000),
      spendable: new Map([
        ["btc", amount(btc)],
        ["eure", amount(eure)],
      ]),
      deposits: rowsOf(heard, deposits),
    })
    if (!computed.ok) throw new Error(computed.problem)
    if (published !== null && sameBalances(published, computed.inventory)) continue
    published = computed.inventory
    events.push(encode(computed.inventory))
  }
  return { events, shown }
}

test("publishes the same bytes with and without any stream of funding observations", () => {
  let different = 0
  fc.assert(
    fc.property(fc.array(poll, { minLength: 1, maxLength: 6 }), fundingHistory, (polls, history) => {
      const without = play(polls, history, [])
      const beside = play(polls, history, history)
      expect(beside.events).toEqual(without.events)
      if (String(beside.shown) !== String(without.shown)) different += 1
    }),
  )
  // The streams did matter to what is shown, so that the equality above says something.
  expect(different).toBeGreaterThan(10)
})
