import { amount } from "@landfall/domain/amount"
import { recordEncoder, toJson } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { alertTopic } from "@landfall/domain/topics/alert"
import {
  bitcoinTransferId,
  type FundingObservation,
  fundingObservationId,
  fundingObservationTopic,
} from "@landfall/domain/topics/funding-observation"
import { intentInventoryTopic, inventorySnapshotId } from "@landfall/domain/topics/intent-inventory"
import { describe, expect, it } from "vitest"
import type { Deposit } from "../src/deposits.ts"
import { judge, openFindings } from "../src/judge.ts"
import { unsettled } from "../src/liveness.ts"
import { openTruth } from "../src/truth.ts"

const tx_hash = "ab".repeat(32)
const transfer_id = bitcoinTransferId(tx_hash, 0)
const at = timestamp(Date.UTC(2026, 0, 1))

const given = () => {
  const truth = openTruth()
  const findings = openFindings(() => {})
  const { take } = judge(truth, findings)
  const observe = (revision: number, changes: Partial<FundingObservation> = {}) => {
    const seen: FundingObservation = {
      funding_observation_id: fundingObservationId(transfer_id, revision),
      transfer_id,
      revision,
      account_id: "desk.near",
      asset_id: "BTC",
      chain: "bitcoin",
      funding_handle: "bcrt1qtest",
      source: "bitcoind",
      tx_hash,
      output_index: 0,
      status: "seen",
      amount: amount(1_000n),
      confirmations: 0,
      confirmations_required: 2,
      first_seen_at: at,
      last_seen_at: at,
      observer: { state: "ok", tip_height: 100, tip_at: at },
      cause: "first_seen",
      ...changes,
    }
    take(fundingObservationTopic.name, recordEncoder(fundingObservationTopic)(seen))
  }
  const hold = (spendable: bigint) =>
    take(
      intentInventoryTopic.name,
      recordEncoder(intentInventoryTopic)({
        inventory_snapshot_id: inventorySnapshotId("desk.near", at),
        account_id: "desk.near",
        observed_at: at,
        balances: [
          {
            asset_id: "BTC",
            spendable: amount(spendable),
            pending_inbound: amount(0n),
            credited: amount(0n),
          },
        ],
      }),
    )
  const rules = () => findings.all().map(({ rule }) => rule)
  return { truth, take, observe, hold, rules }
}

describe("the safety checks", () => {
  it("find a negative conclusion that is untrue, and one of an observer that is not well", () => {
    const { truth, observe, rules } = given()
    observe(1)
    observe(2, { status: "dropped" })
    expect(rules()).toEqual(["no negative conclusion from an absent source"])
    truth.mayBeGone(tx_hash)
    observe(3)
    observe(4, { status: "reorged" })
    expect(rules()).toHaveLength(1)
    observe(5)
    observe(6, { status: "reorged", observer: { state: "lagging", tip_height: null, tip_at: null } })
    expect(rules()).toHaveLength(2)
  })

  it("know a deposit that was credited under the bridge's hash by the transaction that it was found to be", () => {
    const { truth, observe, rules } = given()
    const successor_tx_hash = "cd".repeat(32)
    observe(1, { status: "credited", successor_tx_hash })
    truth.mayBeGone(successor_tx_hash)
    observe(2, { status: "reorged", successor_tx_hash })
    expect(rules()).toEqual([])
    observe(3, { status: "credited" })
    observe(4, { status: "reorged" })
    expect(rules()).toEqual(["no negative conclusion from an absent source"])
  })

  it("find a revision that is missing or comes twice", () => {
    const { observe, rules } = given()
    observe(1)
    observe(3)
    observe(3)
    expect(rules()).toEqual(["each revision once, in order", "each revision once, in order"])
  })

  it("find money that is spendable before the verifier has it", () => {
    const { truth, hold, rules } = given()
    hold(0n)
    truth.credit("BTC", 5n)
    hold(0n)
    hold(5n)
    expect(rules()).toEqual([])
    hold(4n)
    hold(6n)
    expect(rules()).toEqual(["nothing is spendable before credit", "nothing is spendable before credit"])
  })

  it("find an alert that is raised twice, and evidence that cannot be read", () => {
    const { take, rules } = given()
    const raised = {
      alert_event_id: fundingObservationId(transfer_id, 9),
      alert_key: "reference_price_stale:BTC/EURe",
      episode: 1,
      alert_code: "reference_price_stale",
      status: "raised",
      severity: "critical",
      reason: "old",
      service_scope: "market-reference-ingest",
      pair: "BTC/EURe",
      raised_at: at,
      cleared_at: null,
      first_raised_at: at,
      last_evaluated_at: at,
      details: {
        evaluated_at: at,
        deadline: at,
        window_ms: 1,
        policy_version: 1,
        cut: {},
        evidence: [],
      },
    }
    take(alertTopic.name, toJson(raised))
    expect(rules()).toEqual([])
    take(alertTopic.name, toJson(raised))
    take(alertTopic.name, "{")
    expect(rules()).toEqual(["each alert is raised and cleared in turn, once each", "evidence can be read"])
  })
})

describe("a deposit", () => {
  const deposit: Deposit = {
    chain: "bitcoin",
    tx_hash,
    address: "bcrt1qtest",
    amount: 1_000n,
    course: "same_hash",
    due_ms: 0,
    replaced_by: null,
    deposit_id: "d1",
    credited: true,
  }
  const row = {
    tx_hash,
    output_index: 0,
    amount: "1000",
    funding_handle: "bcrt1qtest",
    status: "credited",
    revision: 3,
    successor_tx_hash: null,
  }
  const bridgeRow = { ...row, tx_hash: "cd".repeat(32), output_index: null }
  const truth = openTruth()

  it.each([
    ["its row is credited", deposit, [row]],
    [
      "it has become the successor of what the bridge named",
      deposit,
      [{ ...bridgeRow, successor_tx_hash: tx_hash }],
    ],
    ["it was replaced and nobody saw it", { ...deposit, replaced_by: "ef".repeat(32) }, []],
    [
      "it was replaced and is called so",
      { ...deposit, replaced_by: "ef".repeat(32) },
      [{ ...row, status: "replaced" }],
    ],
  ])("is settled when %s", (_, given, rows) => {
    expect(unsettled(given, true, rows, truth)).toBeNull()
  })

  it.each([
    ["nobody knows it", deposit, [], /is unknown/],
    ["it is confirmed only", deposit, [{ ...row, status: "confirmed" }], /is confirmed in revision 3/],
    [
      "it was replaced and is on its way",
      { ...deposit, replaced_by: "ef".repeat(32) },
      [{ ...row, status: "seen" }],
      /was replaced and is seen/,
    ],
    [
      "the bridge's row stands apart though the deposit was there all the time",
      { ...deposit, course: "other_hash" as const },
      [{ ...row, status: "confirmed" }, bridgeRow],
      /is confirmed/,
    ],
  ])("is not settled when %s", (_, given, rows, why) => {
    expect(unsettled(given, true, rows, truth)).toMatch(why)
  })
})
