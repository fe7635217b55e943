import { amount } from "@landfall/domain/amount"
import {
  bitcoinTransferId,
  type FundingObservation,
  fundingObservationId,
} from "@landfall/domain/topics/funding-observation"
import { describe, it } from "vitest"
import { fundingTransfer } from "../src/funding-transfer.ts"
import { given } from "../src/testing/given.ts"
import { hashOf, storyTime } from "../src/testing/pools.ts"

const tx_hash = hashOf("bitcoin", 7)
const transfer_id = bitcoinTransferId(tx_hash, 1)

/** The nth observation of one deposit: seen in the mempool, unless told otherwise. */
const observed = (revision: number, changes: Partial<FundingObservation> = {}): FundingObservation => ({
  funding_observation_id: fundingObservationId(transfer_id, revision),
  transfer_id,
  revision,
  account_id: "desk.near",
  asset_id: "btc",
  chain: "bitcoin",
  funding_handle: "bcrt1qdesk",
  source: "bitcoind",
  tx_hash,
  output_index: 1,
  status: "seen",
  amount: amount(50_000_000n),
  confirmations: 0,
  confirmations_required: 2,
  first_seen_at: storyTime(0),
  last_seen_at: storyTime(revision),
  observer: { state: "ok", tip_height: 100, tip_at: storyTime(0) },
  cause: "first_seen",
  ...changes,
})

const mined = { block_hash: hashOf("bitcoin", 101), block_height: 101 }
const confirming = observed(2, { status: "confirming", cause: "mined", confirmations: 1, ...mined })
const confirmed = observed(3, { status: "confirmed", cause: "confirmed", confirmations: 2, ...mined })
const credit = {
  status: "credited",
  cause: "credited",
  credited_at: storyTime(9),
  bridge_status: "COMPLETED",
  match: "address_amount",
  bridge_deposit_tx_hash: hashOf("bitcoin", 99),
} as const

describe("a transfer", () => {
  it("begins with its first observation", () => {
    given(fundingTransfer)
      .when(observed(1))
      .then({ ...observed(1), observations: 1 })
  })

  it("goes from seen to confirming when it is mined", () => {
    given(fundingTransfer, [observed(1)])
      .when(confirming)
      .then({ ...confirming, observations: 2 })
  })

  it("is confirmed when it is deep enough", () => {
    given(fundingTransfer, [observed(1), confirming])
      .when(confirmed)
      .then({ ...confirmed, observations: 3 })
  })

  it("keeps the first tx_hash and first sight when the bridge credits under another hash", () => {
    const credited = observed(4, { ...mined, ...credit, confirmations: 2 })
    given(fundingTransfer, [observed(1), confirming, confirmed])
      .when({ ...credited, tx_hash: hashOf("bitcoin", 99), first_seen_at: storyTime(9) })
      .then({ ...credited, tx_hash, first_seen_at: storyTime(0), observations: 4 })
  })

  it("takes its tx_hash from the first observation that knows one", () => {
    const unseen = observed(1, { ...credit, source: "bridge", tx_hash: null, output_index: null })
    const sighted = observed(2, { ...credit, status: "credited", confirmations: 3, ...mined })
    given(fundingTransfer, [unseen])
      .when(sighted)
      .then({ ...sighted, observations: 2 })
  })

  it("loses its block when it is reorged", () => {
    const reorged = observed(3, { status: "reorged", cause: "reorged" })
    given(fundingTransfer, [observed(1), confirming])
      .when(reorged)
      .then({ ...reorged, observations: 3 })
  })

  it.each(["dropped", "conflicted"] as const)("is %s when it left the mempool, and may return", (gone) => {
    const left = observed(2, { status: gone, cause: gone })
    const back = observed(3, { cause: "returned" })
    given(fundingTransfer, [observed(1)])
      .when(left)
      .then({ ...left, observations: 2 })
    given(fundingTransfer, [observed(1), left])
      .when(back)
      .then({ ...back, observations: 3 })
  })

  it("names its successor when it is replaced", () => {
    const successor_tx_hash = hashOf("bitcoin", 8)
    const replaced = observed(2, { status: "replaced", cause: "replaced", successor_tx_hash })
    given(fundingTransfer, [observed(1)])
      .when(replaced)
      .then({ ...replaced, observations: 2 })
  })

  it("shows the bridge's word as it came, known or not", () => {
    const odd = observed(2, { bridge_status: "ON_HOLD?", cause: "bridge_status" })
    given(fundingTransfer, [observed(1)])
      .when(odd)
      .then({ ...odd, observations: 2 })
  })

  it("does not stop at credited: its block may still leave the chain", () => {
    const credited = observed(2, { ...credit, ...mined, confirmations: 2 })
    const reorged = observed(3, { ...credit, status: "reorged", cause: "reorged" })
    given(fundingTransfer, [observed(1), credited])
      .when(reorged)
      .then({ ...reorged, observations: 3 })
  })

  it("is not changed by an observation that is older than the latest", () => {
    given(fundingTransfer, [observed(1), confirming])
      .when(observed(1))
      .thenNothingChanges()
  })

  it("is apart from another output of the same transaction", () => {
    const other = observed(1, { transfer_id: bitcoinTransferId(tx_hash, 0), output_index: 0 })
    given(fundingTransfer, [observed(1), confirming])
      .when(other)
      .then({ ...other, observations: 1 })
  })
})
