import { Schema } from "effect"
import { validate, version } from "uuid"
import { describe, expect, it } from "vitest"
import { deterministicId, Uuid } from "../src/deterministic-id.ts"
import { alertEventId, alertKey } from "../src/topics/alert.ts"
import {
  bitcoinTransferId,
  bridgeTransferId,
  fundingObservationId,
  gnosisTransferId,
} from "../src/topics/funding-observation.ts"
import { inventorySnapshotId } from "../src/topics/intent-inventory.ts"
import { handleActionId } from "../src/topics/liquidity-action.ts"
import { priceEventId } from "../src/topics/market-price.ts"
import { tradeResultId } from "../src/topics/trade-result.ts"

const txid = "4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"
const eure = "0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430"
const at = "2026-11-23T09:30:00.000Z"
const transfer = bitcoinTransferId(txid, 1)
const handle = {
  account_id: "desk.near",
  chain: "bitcoin",
  asset_id: "btc",
  funding_handle: "bcrt1qdesk",
} as const
const stuck = alertKey("funding_stuck", "liquidity-manager", transfer)

/** Every kind of id with one frozen example. These ids are in logs and tables for ever: no line may change. */
const frozen = {
  "3d6ca193-c351-5e6c-98c4-2b63e81dbb6a": transfer,
  "6a048d2c-45ec-5bcc-b56a-06a8b18ca6e3": gnosisTransferId(eure, `0x${txid}`, 0),
  "f3c6e235-85c5-5a2e-a520-c9cc84a7c0b1": bridgeTransferId("gnosis", "mint-1"),
  "6c574fa8-2dcb-5a09-b4a8-8be2b6db484b": fundingObservationId(transfer, 1),
  "94e64d6f-d88a-5cf3-a9f6-297a81299c6b": alertEventId(stuck, 1, "raised"),
  "a931330e-3a93-5eb2-bc6b-ce4a52aa8395": priceEventId("BTC/EURe", "kraken", at),
  "3b6ed91a-2f67-575d-9f69-1a952879ced5": inventorySnapshotId("desk.near", at),
  "40a77994-3906-5444-a30d-e0be4271410a": handleActionId("deposit_handle_issued", handle, at),
  "7422f0f7-15fc-551e-94d4-eb8575b88a35": tradeResultId("command-1", "failed"),
  "16cf1215-a936-5712-8da6-2962bf6e072a": deterministicId("kind", "part", 1),
}

/** The same kinds again, each with one part of its identity changed. */
const others = [
  bitcoinTransferId(txid, 0),
  gnosisTransferId(eure, `0x${txid}`, 1),
  gnosisTransferId(txid, eure, 0),
  bridgeTransferId("bitcoin", "mint-1"),
  fundingObservationId(transfer, 2),
  alertEventId(stuck, 1, "cleared"),
  alertEventId(stuck, 2, "raised"),
  priceEventId("BTC/EURe", "coinbase", at),
  inventorySnapshotId("vault.near", at),
  handleActionId("deposit_handle_retired", handle, at),
  handleActionId("deposit_handle_issued", { ...handle, asset_id: "eure" }, at),
  tradeResultId("command-1", "settled"),
]

describe("deterministic ids", () => {
  it.each(Object.entries(frozen))("never change: %s", (id, again) => {
    expect(again).toBe(id)
  })

  it("are UUIDs of version 5 that the schemas take", () => {
    for (const id of [...Object.values(frozen), ...others]) {
      expect(validate(id) && version(id) === 5, id).toBe(true)
      expect(Schema.decodeUnknownSync(Uuid)(id)).toBe(id)
    }
  })

  it("differ when any part of the identity does", () => {
    const all = [...Object.values(frozen), ...others]
    expect(new Set(all).size).toBe(all.length)
  })

  it("do not run parts together", () => {
    expect(deterministicId("kind", "a", "bc")).not.toBe(deterministicId("kind", "ab", "c"))
    expect(deterministicId("kind", "a")).not.toBe(deterministicId("kind", "a", ""))
  })

  it("name an alert by code, scope and subject alone", () => {
    expect(stuck).toBe(`funding_stuck:liquidity-manager:${transfer}`)
  })
})
