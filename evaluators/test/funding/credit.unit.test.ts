import { amount } from "@landfall/domain/amount"
import { describe, expect, test } from "vitest"
import { correlate } from "../../src/funding/correlate.ts"
import {
  account,
  desk,
  handleA,
  handleB,
  hash,
  mined,
  minute_ms,
  output,
  policy,
  row,
  start_ms,
} from "./fixtures.ts"

describe("a bridge row with the deposit's hash", () => {
  test("credits it; pending and unknown words are shown and credit nothing", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)] })
    poll({ bridge: [row({ status: "PENDING" })] })
    expect(only()).toMatchObject({
      status: "confirmed",
      bridge_status: "PENDING",
      match: "tx_hash",
      cause: "bridge_status",
    })
    poll({ bridge: [row({ status: "UNDER_REVIEW" })] })
    expect(only()).toMatchObject({ status: "confirmed", bridge_status: "UNDER_REVIEW" })
    poll({ bridge: [row()] })
    expect(only()).toMatchObject({
      status: "credited",
      cause: "credited",
      credited_at: "2026-11-23T09:04:00.000Z",
    })
    expect(only().bridge_deposit_tx_hash).toBeUndefined()
  })

  test("is found whatever the case of hash and address", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)] })
    poll({ bridge: [row({ tx_hash: `0x${hash("AA")}`, address: handleA.toUpperCase() })] })
    expect(only().status).toBe("credited")
  })

  test("that failed is not the end", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)] })
    poll({ bridge: [row({ status: "FAILED" })] })
    expect(only()).toMatchObject({ status: "confirmed", bridge_status: "FAILED" })
    poll({ bridge: [row({ status: "CREDITED" })] })
    expect(only().status).toBe("credited")
  })

  test("and another amount credits the only output where a healthy node was asked", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)], bridge: [row({ amount: amount(49_000n) })] })
    expect(only()).toMatchObject({ status: "credited", match: "tx_hash", amount: 50_000n })
  })

  test("and another amount waits for a healthy node: it may be that of an output that was not shown", () => {
    const { poll, transfers } = desk()
    const bridge = [row({ amount: amount(49_000n) })]
    poll({ state: "lagging", outputs: [mined(2)] })
    expect(poll({ state: "lagging", outputs: [mined(2)], bridge })).toEqual([])
    poll({ outputs: [mined(2), mined(2, { output_index: 1, amount: amount(49_000n) })], bridge })
    const [first, second] = transfers.values()
    expect(first).toMatchObject({ output_index: 0, status: "confirmed" })
    expect(second).toMatchObject({ output_index: 1, status: "credited", match: "tx_hash" })
  })

  test("that vanishes from the list changes nothing", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)], bridge: [row({ status: "PENDING" })] })
    expect(poll({ outputs: [], bridge: [] })).toEqual([])
    expect(only().bridge_status).toBe("PENDING")
  })
})

describe("a credited deposit", () => {
  test("stays credited when the bridge takes its word back, which is shown", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)], bridge: [row()] })
    poll({ bridge: [row({ status: "FAILED" })] })
    expect(only()).toMatchObject({ status: "credited", bridge_status: "FAILED" })
  })

  test("is reorged when its block leaves the chain, and credited again when it returns", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)], bridge: [row()] })
    poll({ outputs: [output({ in_mempool: false })], bridge: [row()] })
    expect(only()).toMatchObject({
      status: "reorged",
      credited_at: "2026-11-23T09:01:00.000Z",
      cause: "reorged",
    })
    poll({ outputs: [mined(1, { block_hash: hash("b1") })], bridge: [row()] })
    expect(only()).toMatchObject({
      status: "credited",
      credited_at: "2026-11-23T09:01:00.000Z",
      cause: "returned",
    })
  })

  test("that was credited before it was mined stays credited when it leaves the mempool", () => {
    const { poll, only } = desk()
    poll({ outputs: [output()], bridge: [row()] })
    expect(poll({ outputs: [output({ in_mempool: false })] })).toEqual([])
    expect(only().status).toBe("credited")
  })
})

describe("a bridge row with another hash", () => {
  test("credits the only deposit with its address and amount, which keeps its own hash", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)] })
    poll({ bridge: [row({ tx_hash: hash("dd") })] })
    expect(only()).toMatchObject({
      status: "credited",
      tx_hash: hash("aa"),
      bridge_deposit_tx_hash: hash("dd"),
      match: "address_amount",
    })
  })

  test("takes over from a pending row with the deposit's own hash", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)], bridge: [row({ status: "PENDING" })] })
    poll({ bridge: [row({ tx_hash: hash("dd") })] })
    expect(only()).toMatchObject({
      status: "credited",
      match: "address_amount",
      bridge_deposit_tx_hash: hash("dd"),
    })
  })

  test("is no match when two deposits are alike, and no new deposit either", () => {
    const { poll, transfers } = desk()
    poll({ outputs: [mined(2), mined(2, { tx_hash: hash("ab") })] })
    expect(poll({ bridge: [row({ tx_hash: hash("dd") })] })).toEqual([])
    expect(transfers.size).toBe(2)
  })

  test("is no match outside the window", () => {
    const { poll, transfers } = desk()
    poll({ outputs: [mined(2)] })
    poll({ bridge: [row({ tx_hash: hash("dd"), created_at_ms: start_ms + 62 * minute_ms })] })
    expect([...transfers.values()].map((seen) => `${seen.source} ${seen.status}`)).toEqual([
      "bitcoind confirmed",
      "bridge credited",
    ])
  })

  test("may stand for several outputs to one address", () => {
    const { poll, transfers } = desk()
    poll({ outputs: [mined(2), mined(2, { output_index: 1, amount: amount(70_000n) })] })
    poll({ bridge: [row({ tx_hash: hash("dd"), amount: amount(120_000n) })] })
    expect([...transfers.values()].map((seen) => `${seen.match} ${seen.status}`)).toEqual([
      "aggregate credited",
      "aggregate credited",
    ])
  })

  test("is no match for a deposit that a lagging node has in no block: it may have been replaced by what has the hash", () => {
    const { poll, transfers, only } = desk()
    poll({ outputs: [output()] })
    expect(poll({ state: "lagging", outputs: [output()], bridge: [row({ tx_hash: hash("dd") })] })).toEqual(
      [],
    )
    expect(only()).toMatchObject({ status: "seen", tx_hash: hash("aa") })
    poll({ outputs: [mined(3, { tx_hash: hash("dd") })], bridge: [row({ tx_hash: hash("dd") })] })
    const [first, second] = transfers.values()
    expect(first?.credited_at).toBeUndefined()
    expect(second).toMatchObject({ tx_hash: hash("dd"), status: "credited", match: "tx_hash" })
  })

  test("credits a deposit in no block once a healthy node knows of no other", () => {
    const { poll, only } = desk()
    poll({ outputs: [output()], bridge: [row({ tx_hash: hash("dd") })] })
    expect(only()).toMatchObject({ status: "credited", match: "address_amount" })
  })

  test("credits a deposit in a block whatever the node is", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)] })
    poll({ state: "down", bridge: [row({ tx_hash: hash("dd") })] })
    expect(only()).toMatchObject({ status: "credited", match: "address_amount" })
  })

  test("gives way, while it credited nothing, to the deposit that has its hash", () => {
    const { poll, transfers } = desk()
    poll({ outputs: [mined(2)], bridge: [row({ tx_hash: hash("dd"), status: "PENDING" })] })
    poll({ outputs: [mined(2, { tx_hash: hash("dd") })], bridge: [row({ tx_hash: hash("dd") })] })
    const [first, second] = transfers.values()
    expect(first).toMatchObject({ tx_hash: hash("aa"), status: "confirmed" })
    expect(second).toMatchObject({ tx_hash: hash("dd"), status: "credited", match: "tx_hash" })
  })
})

describe("a bridge row without a hash", () => {
  test("credits the only deposit with its address and amount", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)] })
    poll({ bridge: [row({ tx_hash: null })] })
    expect(only()).toMatchObject({ status: "credited", tx_hash: hash("aa"), match: "address_amount" })
    expect(only().bridge_deposit_tx_hash).toBeUndefined()
  })

  test("of two equal deposits to one address credits none, and is listed as unmatched, until it names a hash", () => {
    const { poll, transfers } = desk()
    poll({ outputs: [mined(2), mined(2, { tx_hash: hash("ab") })] })
    const rows = [row({ tx_hash: null }), row({ tx_hash: null, created_at_ms: start_ms })]
    expect(poll({ bridge: rows })).toEqual([])
    const { matches, unmatchedRows, unmatchedTransfers } = correlate(transfers, rows, policy)
    expect(matches).toEqual([])
    expect(unmatchedRows.map(({ reason }) => reason)).toEqual(["ambiguous", "ambiguous"])
    expect(unmatchedTransfers()).toHaveLength(2)
    // The bridge names one of the two; then the other row can only be the other deposit's.
    poll({ bridge: [row({ tx_hash: hash("ab") }), row({ tx_hash: null })] })
    expect([...transfers.values()].map(({ tx_hash, status, match }) => [tx_hash, status, match])).toEqual([
      [hash("aa"), "credited", "address_amount"],
      [hash("ab"), "credited", "tx_hash"],
    ])
  })
})

describe("two deposits that are alike but for what a number of JavaScript loses", () => {
  const large = 2n ** 60n
  test("are told apart by their amounts to the last digit", () => {
    const { poll, transfers } = desk()
    const outputs = [large, large + 1n].map((units, at) =>
      mined(6, { tx_hash: hash(at === 0 ? "aa" : "ab"), amount: amount(units) }),
    )
    poll({ outputs })
    poll({ bridge: [row({ tx_hash: null, amount: amount(large + 1n) })] })
    expect([...transfers.values()].map(({ amount: units, status }) => [units, status])).toEqual([
      [large, "confirmed"],
      [large + 1n, "credited"],
    ])
  })
})

describe("a credit before the chain has confirmed", () => {
  test("credits the unmined deposit, which stays credited while it is mined and confirmed", () => {
    const { poll, only } = desk()
    poll({ outputs: [output()] })
    poll({ outputs: [output()], bridge: [row()] })
    expect(only()).toMatchObject({ status: "credited", confirmations: 0 })
    poll({ outputs: [mined(1)], bridge: [row()] })
    expect(only()).toMatchObject({ status: "credited", confirmations: 1, block_hash: hash("b0") })
    poll({ outputs: [mined(2)], bridge: [row()] })
    expect(only()).toMatchObject({ status: "credited", confirmations: 2 })
  })
})

describe("a credit that no observer saw", () => {
  test("becomes an observation with the bridge as its source", () => {
    const { poll, only } = desk()
    poll({ state: "down", bridge: [row()] })
    expect(only()).toMatchObject({
      source: "bridge",
      status: "credited",
      tx_hash: hash("aa"),
      output_index: null,
      cause: "credited",
      observer: { state: "down" },
    })
  })

  test("has no tx_hash when the bridge named none, or what is not a hash", () => {
    const { poll, transfers } = desk()
    poll({ bridge: [row({ tx_hash: null }), row({ tx_hash: "internal-17", address: handleB })] })
    expect([...transfers.values()].map((seen) => seen.tx_hash)).toEqual([null, null])
    expect([...transfers.values()].map((seen) => seen.bridge_deposit_tx_hash)).toEqual([
      undefined,
      "internal-17",
    ])
  })

  test("goes on as the same transfer when the chain shows its output", () => {
    const { poll, only } = desk()
    poll({ state: "down", bridge: [row()] })
    const { transfer_id } = only()
    poll({ outputs: [mined(1)], bridge: [row()] })
    expect(only()).toMatchObject({
      transfer_id,
      source: "bitcoind",
      output_index: 0,
      status: "credited",
      match: "tx_hash",
    })
    poll({ outputs: [output({ in_mempool: false })], bridge: [row()] })
    expect(only().status).toBe("reorged")
    poll({ outputs: [mined(1, { block_hash: hash("b1") })], bridge: [row()] })
    expect(only()).toMatchObject({ status: "credited", block_hash: hash("b1") })
  })

  test("goes on under the chain's hash when the bridge had named none", () => {
    const { poll, only } = desk()
    poll({ state: "down", bridge: [row({ tx_hash: null })] })
    poll({ outputs: [mined(3, { chain_time_ms: start_ms })], bridge: [row({ tx_hash: null })] })
    expect(only()).toMatchObject({ tx_hash: hash("aa"), source: "bitcoind", match: "address_amount" })
  })

  test("goes on when the chain has it under another hash and had it before the credit", () => {
    const { poll, only } = desk()
    poll({ state: "down", bridge: [row({ tx_hash: hash("dd") })] })
    poll({ outputs: [mined(3, { chain_time_ms: start_ms })], bridge: [row({ tx_hash: hash("dd") })] })
    expect(only()).toMatchObject({
      tx_hash: hash("dd"),
      bridge_deposit_tx_hash: hash("dd"),
      successor_tx_hash: hash("aa"),
      source: "bitcoind",
      match: "address_amount",
    })
    poll({ outputs: [output({ in_mempool: false })], bridge: [row({ tx_hash: hash("dd") })] })
    expect(only()).toMatchObject({ status: "reorged", successor_tx_hash: hash("aa") })
    poll({ outputs: [mined(1, { block_hash: hash("b1") })], bridge: [row({ tx_hash: hash("dd") })] })
    expect(only()).toMatchObject({ status: "credited", block_hash: hash("b1") })
  })

  test("is not continued by a deposit that came to the chain only afterwards", () => {
    const { poll, transfers } = desk()
    poll({ bridge: [row({ tx_hash: hash("dd") })] })
    poll({ outputs: [mined(1, { chain_time_ms: start_ms + 5 * minute_ms })] })
    expect(transfers.size).toBe(2)
  })

  test("in another asset than the desk's, or not credited, is no observation", () => {
    const { poll } = desk()
    expect(poll({ bridge: [row({ asset_id: "DOGE" }), row({ status: "PENDING" })] })).toEqual([])
  })

  test("is one for each of two rows that are alike, however often they are listed", () => {
    const { poll, transfers } = desk()
    const alike = [row({ tx_hash: null }), row({ tx_hash: null })]
    poll({ bridge: alike })
    expect(transfers.size).toBe(2)
    poll({ bridge: alike })
    expect(transfers.size).toBe(2)
  })

  test("made long ago is recorded once", () => {
    const { poll, transfers } = desk()
    const old = [row({ tx_hash: null, created_at_ms: start_ms - 10_000 * minute_ms })]
    poll({ bridge: old })
    poll({ bridge: old })
    expect(transfers.size).toBe(1)
  })

  test("belongs to the account that the bridge names", () => {
    const { poll, only } = desk()
    poll({ bridge: [row({ address: null })] })
    expect(only()).toMatchObject({ account_id: account, funding_handle: "unknown" })
  })
})
