import { amount } from "@landfall/domain/amount"
import { describe, expect, test } from "vitest"
import { desk, facts, handleA, handleB, hash, mined, output, row } from "./fixtures.ts"

const summary = (observations: ReadonlyArray<{ status: string; cause: string; confirmations: number }>) =>
  observations.map(({ status, cause, confirmations }) => `${status} ${confirmations} (${cause})`)

describe("a deposit on its way", () => {
  test("is seen in the mempool, then confirming with each block, then confirmed, then no news", () => {
    const { poll, only } = desk()
    expect(summary(poll({ outputs: [output()] }))).toEqual(["seen 0 (first_seen)"])
    expect(poll({ outputs: [output()] })).toEqual([])
    expect(summary(poll({ outputs: [mined(1)] }))).toEqual(["confirming 1 (mined)"])
    expect(summary(poll({ outputs: [mined(2)] }))).toEqual(["confirmed 2 (confirmed)"])
    expect(poll({ outputs: [mined(3)] })).toEqual([])
    expect(poll({ outputs: [] })).toEqual([])
    expect(only()).toMatchObject({
      revision: 3,
      first_seen_at: "2026-11-23T09:01:00.000Z",
      source: "bitcoind",
    })
  })

  test("needs as many confirmations as its amount asks for", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(5, { amount: amount(100_000_000n) })] })
    expect(only()).toMatchObject({ status: "confirming", confirmations_required: 6 })
    expect(summary(poll({ outputs: [mined(6, { amount: amount(100_000_000n) })] }))).toEqual([
      "confirmed 6 (confirmed)",
    ])
  })

  test("is flagged at first sight when the bridge will not credit so little", () => {
    const { poll } = desk()
    const [small] = poll({ outputs: [output({ amount: amount(9_999n) })] })
    const [enough] = poll({ outputs: [output({ tx_hash: hash("ab"), amount: amount(10_000n) })] })
    expect(small?.below_minimum).toBe(true)
    expect(enough?.below_minimum).toBeUndefined()
  })

  test("is another transfer than the one that replaced it, though the rival pays us at the same place and is seen later", () => {
    const { poll, transfers } = desk()
    poll({ outputs: [output()] })
    const replaced = output({ in_mempool: false, successor_tx_hash: hash("bb") })
    expect(summary(poll({ outputs: [replaced] }))).toEqual(["replaced 0 (replaced)"])
    const rival = output({ tx_hash: hash("bb"), funding_handle: handleB })
    expect(summary(poll({ outputs: [replaced, rival] }))).toEqual(["seen 0 (first_seen)"])
    expect([...transfers.values()].map((seen) => [seen.tx_hash, seen.funding_handle, seen.status])).toEqual([
      [hash("aa"), handleA, "replaced"],
      [hash("bb"), handleB, "seen"],
    ])
  })

  test("is one transfer for each output, also for several addresses and a reused one", () => {
    const { poll, transfers } = desk()
    poll({
      outputs: [
        output(),
        output({ output_index: 1 }),
        output({ output_index: 2, funding_handle: handleB }),
        output({ tx_hash: hash("ab") }),
      ],
    })
    expect([...transfers.values()].map((seen) => seen.funding_handle)).toEqual([
      handleA,
      handleA,
      handleB,
      handleA,
    ])
  })

  test("to an address that the bridge did not issue is not recorded", () => {
    const { poll } = desk()
    expect(poll({ outputs: [output({ funding_handle: "bcrt1qelsewhere" })] })).toEqual([])
  })

  test("that is a coinbase is confirmed at its maturity, not at the policy's depth", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(6, { coinbase: true })] })
    expect(only().status).toBe("confirming")
    poll({ outputs: [mined(100, { coinbase: true })] })
    expect(only().status).toBe("confirming")
    poll({ outputs: [mined(101, { coinbase: true })] })
    expect(only().status).toBe("confirmed")
  })

  test("that was gone before anyone saw it is not recorded", () => {
    const { poll } = desk()
    expect(poll({ outputs: [output({ in_mempool: false })] })).toEqual([])
    expect(poll({ outputs: [output({ conflicted: true })] })).toEqual([])
  })
})

describe("a deposit that is taken back", () => {
  test("is dropped when it left the mempool unmined, and seen when it comes back", () => {
    const { poll, only } = desk()
    poll({ outputs: [output()] })
    expect(summary(poll({ outputs: [output({ in_mempool: false })] }))).toEqual(["dropped 0 (dropped)"])
    expect(poll({ outputs: [output({ in_mempool: false })] })).toEqual([])
    expect(summary(poll({ outputs: [output()] }))).toEqual(["seen 0 (returned)"])
    expect(only().first_seen_at).toBe("2026-11-23T09:01:00.000Z")
  })

  test("is replaced with its successor named, and conflicted when the successor is mined", () => {
    const { poll, only } = desk()
    poll({ outputs: [output()] })
    const successor_tx_hash = hash("cc")
    poll({ outputs: [output({ in_mempool: false, successor_tx_hash })] })
    expect(only()).toMatchObject({ status: "replaced", successor_tx_hash })
    poll({ outputs: [output({ conflicted: true })] })
    expect(only()).toMatchObject({ status: "conflicted", successor_tx_hash, cause: "conflicted" })
    poll({ outputs: [mined(1)] })
    expect(only()).toMatchObject({ status: "confirming", cause: "returned", tx_hash: hash("aa") })
    expect(only().successor_tx_hash).toBeUndefined()
  })

  test("is conflicted when the observer lists it no more and says why", () => {
    const { poll, only } = desk()
    poll({ outputs: [output()] })
    const gone = { tx_hash: hash("aa"), output_index: 0, conflicted: true, successor_tx_hash: hash("cc") }
    poll({ gone: [gone] })
    expect(only()).toMatchObject({ status: "conflicted", successor_tx_hash: hash("cc") })
    poll({ outputs: [output()] })
    expect(only()).toMatchObject({ status: "seen", cause: "returned" })
  })

  test("is reorged when its block left the chain, until it is mined again", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(1)] })
    expect(summary(poll({ outputs: [output()] }))).toEqual(["reorged 0 (reorged)"])
    expect(only().block_hash).toBe(hash("b0"))
    expect(poll({ outputs: [output({ in_mempool: false })] })).toEqual([])
    expect(summary(poll({ outputs: [mined(1, { block_hash: hash("b1") })] }))).toEqual([
      "confirming 1 (returned)",
    ])
    expect(only().block_hash).toBe(hash("b1"))
  })

  test("is reorged by name when it was mined again elsewhere between two polls", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2)] })
    poll({ outputs: [mined(1, { block_hash: hash("b1") })] })
    expect(only()).toMatchObject({ status: "confirming", cause: "reorged", block_hash: hash("b1") })
  })

  test("is gone when a complete listing lacks it, or the observer says that it was removed", () => {
    const first = desk()
    first.poll({ outputs: [output()] })
    expect(summary(first.poll({ outputs: [], complete: true }))).toEqual(["dropped 0 (dropped)"])
    const second = desk()
    second.poll({ outputs: [mined(2)] })
    expect(summary(second.poll({ gone: [{ tx_hash: hash("aa"), output_index: 0 }] }))).toEqual([
      "reorged 0 (reorged)",
    ])
  })
})

describe("a deposit on a chain with finality", () => {
  const final = (is: boolean, changes: Parameters<typeof mined>[1] = {}) =>
    mined(1, { final: is, ...changes })

  test("stays confirmed when a node that was started anew does not know yet what is final", () => {
    for (const state of ["ok", "lagging"] as const) {
      const { poll, only } = desk()
      poll({ outputs: [final(false)] })
      expect(only().status).toBe("confirming")
      poll({ outputs: [final(true)] })
      expect(only().status).toBe("confirmed")
      expect(poll({ outputs: [final(false)], state })).toEqual([])
      expect(only().status).toBe("confirmed")
    }
  })

  test("is confirming again in another block until that one is final", () => {
    const { poll, only } = desk()
    poll({ outputs: [final(true)] })
    poll({ outputs: [final(false, { block_hash: hash("b1") })] })
    expect(only()).toMatchObject({ status: "confirming", cause: "reorged" })
  })

  test("is not confirmed by a count of blocks while the observer is away and the bridge says something", () => {
    const { poll, only } = desk()
    poll({ outputs: [mined(2, { final: false })] })
    poll({ state: "down", bridge: [row({ status: "PENDING" })] })
    expect(only()).toMatchObject({ status: "confirming", bridge_status: "PENDING" })
  })
})

describe("an observer that is not ok", () => {
  const goneFor = [
    output({ in_mempool: false }),
    output({ in_mempool: false, successor_tx_hash: hash("cc") }),
    output({ conflicted: true }),
  ]
  test.each(["lagging", "down", "paused"] as const)("that is %s takes no deposit back", (state) => {
    for (const gone of goneFor) {
      const { poll, only } = desk()
      poll({ outputs: [output()] })
      expect(poll({ outputs: [gone], state, complete: true })).toEqual([])
      expect(poll({ outputs: [], state, complete: true })).toEqual([])
      expect(only().status).toBe("seen")
    }
    const { poll, only } = desk()
    poll({ outputs: [mined(2)] })
    expect(poll({ outputs: [output()], state })).toEqual([])
    expect(poll({ outputs: [mined(1, { block_hash: hash("b1") })], state })).toEqual([])
    expect(only().status).toBe("confirmed")
  })

  test("that is lagging still reports a new deposit and a new block", () => {
    const { poll } = desk()
    expect(summary(poll({ outputs: [output()], state: "lagging" }))).toEqual(["seen 0 (first_seen)"])
    const [observation] = poll({ outputs: [mined(1)], state: "lagging" })
    expect(observation).toMatchObject({ status: "confirming", observer: { state: "lagging" } })
  })

  test.each(["down", "paused"] as const)("that is %s reports nothing at all", (state) => {
    const { poll } = desk()
    expect(poll({ outputs: [output()], state })).toEqual([])
  })
})

test("a chain without an observer says nothing, and a credit there is still recorded", () => {
  const { poll } = desk()
  expect(facts({}).chains.gnosis).toBeUndefined()
  expect(poll({ bridge: [row({ chain: "gnosis", asset_id: "EURe" })] })).toEqual([])
})

test("a clock that was set back makes no observation older than the one before", async () => {
  const { decideObservations } = await import("../../src/funding/decide-observations.ts")
  const { policy, start_ms } = await import("./fixtures.ts")
  const { poll, transfers, only } = desk()
  poll({ outputs: [output()] })
  const [next] = decideObservations(transfers, facts({ outputs: [mined(1)] }), policy, start_ms - 1)
  expect(next?.last_seen_at).toBe(only().last_seen_at)
})
