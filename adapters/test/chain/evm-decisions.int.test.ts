import { amount } from "@landfall/domain/amount"
import { recordDecoder, recordEncoder } from "@landfall/domain/codec"
import {
  type FundingObservation,
  fundingObservationTopic,
  gnosisTransferId,
} from "@landfall/domain/topics/funding-observation"
import { decideObservations } from "@landfall/evaluators/funding/decide-observations"
import type { BridgeDeposit } from "@landfall/evaluators/funding/facts"
import type { FundingPolicy } from "@landfall/evaluators/funding/policy"
import { watchPlan } from "@landfall/evaluators/funding/watch-plan"
import { foldInto } from "@landfall/projections/fold"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import { eureV2 } from "@landfall/setup/parts/eure"
import { describe, expect, test } from "vitest"
import { ether, givenAnvil, givenObserver, handleA, handleB } from "./evm-given.ts"
import { lyingProxy } from "./evm-proxy.ts"

const policy: FundingPolicy = {
  assets: [
    {
      asset_id: "EURe",
      chain: "gnosis",
      confirmations: [{ from_amount: amount(0n), confirmations: 1 }],
      min_deposit_amount: amount(ether),
    },
  ],
  match_window_ms: 3_600_000,
}
const handles = [handleA, handleB].map((funding_handle) => ({
  account_id: "desk.near",
  asset_id: "EURe",
  chain: "gnosis" as const,
  funding_handle,
}))
const encode = recordEncoder(fundingObservationTopic)
const decode = recordDecoder(fundingObservationTopic)

/** A desk that looks at a real node: each look is decided, written, read back and folded. */
const givenDesk = (url: string) => {
  const transfers = new Map<string, FundingTransfer>()
  let observer = givenObserver(url)
  observer.watchNow(handleA, handleB)
  const look = async (
    bridge: ReadonlyArray<BridgeDeposit> = [],
  ): Promise<ReadonlyArray<FundingObservation>> => {
    const plan = watchPlan(transfers.values(), "gnosis", policy, observer.status().health.tip_height)
    const facts = { chains: { gnosis: await observer.poll(plan) }, bridge, handles }
    const decided = decideObservations(transfers, facts, policy, Date.now())
    const read = decided.map((observation) => {
      const decoded = decode(new TextEncoder().encode(encode(observation)))
      if (!decoded.ok) throw new Error(`the topic would refuse this: ${decoded.reason}`)
      return decoded.record
    })
    foldInto(fundingTransfer, transfers, read)
    expect(decideObservations(transfers, facts, policy, Date.now())).toEqual([])
    return read
  }
  return {
    look,
    summary: async (bridge?: ReadonlyArray<BridgeDeposit>) =>
      (await look(bridge)).map(({ status, cause }) => `${status} (${cause})`),
    transfers,
    lastError: () => observer.status().last_error,
    /** The process begins anew with what was recorded. */
    restart: () => {
      observer = givenObserver(url)
      observer.watchNow(handleA, handleB)
    },
  }
}

const credit = (changes: Partial<BridgeDeposit>): BridgeDeposit => ({
  tx_hash: null,
  chain: "gnosis",
  asset_id: "EURe",
  address: handleA,
  amount: amount(5n * ether),
  account_id: "desk.near",
  status: "COMPLETED",
  created_at_ms: Date.now(),
  ...changes,
})

describe("a EURe deposit on a real EVM node", () => {
  test("is confirming, then confirmed by finality, then credited under its own hash, as on Bitcoin", async () => {
    await using chain = await givenAnvil()
    const desk = givenDesk(chain.anvil.url)
    expect(await desk.look()).toEqual([])
    const tx_hash = await chain.transfer(handleA, 5n * ether)
    const [first] = await desk.look()
    expect(first).toMatchObject({
      transfer_id: gnosisTransferId(eureV2, tx_hash, 0),
      revision: 1,
      chain: "gnosis",
      asset_id: "EURe",
      funding_handle: handleA,
      source: "evm",
      tx_hash,
      output_index: 0,
      status: "confirming",
      cause: "first_seen",
      amount: 5n * ether,
      observer: { state: "ok" },
    })
    await chain.mine(1)
    expect(await desk.look()).toEqual([])
    await chain.mine(1)
    expect(await desk.summary()).toEqual(["confirmed (confirmed)"])
    await chain.mine(5)
    expect(await desk.look()).toEqual([])
    const other = `0x${"ef".repeat(32)}`
    const [credited] = await desk.look([credit({ tx_hash: other, address: handleA.toLowerCase() })])
    expect(credited).toMatchObject({
      tx_hash,
      status: "credited",
      match: "address_amount",
      bridge_deposit_tx_hash: other,
      first_seen_at: first?.first_seen_at,
    })
    expect(desk.transfers.size).toBe(1)
  })

  test("is matched by its hash however the bridge writes it, and a sum of two by the sum", async () => {
    await using chain = await givenAnvil()
    const desk = givenDesk(chain.anvil.url)
    const tx_hash = await chain.transfer(handleA, 5n * ether)
    await chain.proxied([handleB, 2n * ether], [handleB, 3n * ether])
    expect(await desk.look()).toHaveLength(3)
    const seen = await desk.look([
      credit({ tx_hash: tx_hash.slice(2).toUpperCase() }),
      credit({ address: handleB, tx_hash: `0x${"ab".repeat(32)}` }),
    ])
    expect(seen.map(({ status, match, amount: units }) => [status, match, units])).toEqual([
      ["credited", "tx_hash", 5n * ether],
      ["credited", "aggregate", 2n * ether],
      ["credited", "aggregate", 3n * ether],
    ])
  })

  test("below what the bridge credits is flagged at first sight", async () => {
    await using chain = await givenAnvil()
    const desk = givenDesk(chain.anvil.url)
    await chain.transfer(handleA, ether - 1n)
    expect(await desk.look()).toMatchObject([{ below_minimum: true }])
  })

  test("is reorged when its block leaves the chain, and returns under the same id in another", async () => {
    await using chain = await givenAnvil()
    const desk = givenDesk(chain.anvil.url)
    const raw = await chain.raw(await chain.transfer(handleA, 5n * ether))
    expect(await desk.summary()).toEqual(["confirming (first_seen)"])
    await chain.reorg(1)
    expect(await desk.summary()).toEqual(["reorged (reorged)"])
    await chain.mine(2)
    expect(await desk.look()).toEqual([])
    await chain.reorg(1, [raw, 0])
    expect(await desk.summary()).toEqual(["confirming (returned)"])
    await chain.mine(2)
    expect(await desk.summary()).toEqual(["confirmed (confirmed)"])
    expect(desk.transfers.size).toBe(1)
  })

  test("that moves to another block between two looks is recorded as having moved", async () => {
    await using chain = await givenAnvil()
    const desk = givenDesk(chain.anvil.url)
    const raw = await chain.raw(await chain.transfer(handleA, 5n * ether))
    const [before] = await desk.look()
    await chain.mine(1)
    await chain.reorg(2, [raw, 1])
    const [moved] = await desk.look()
    expect(moved).toMatchObject({ status: "confirming", cause: "reorged", transfer_id: before?.transfer_id })
    expect(moved?.block_hash).not.toBe(before?.block_hash)
  })

  test("that leaves the chain while nobody watches is reorged at the first look after it", async () => {
    await using chain = await givenAnvil()
    const desk = givenDesk(chain.anvil.url)
    await chain.transfer(handleA, 5n * ether)
    await chain.mine(4)
    expect(await desk.summary()).toEqual(["confirmed (first_seen)"])
    await chain.reorg(5)
    desk.restart()
    expect(await desk.summary()).toEqual(["reorged (reorged)"])
  })

  test("stays confirmed when the process starts anew and its node knows less of what is final", async () => {
    await using chain = await givenAnvil()
    await using proxy = await lyingProxy(chain.anvil.url)
    const desk = givenDesk(proxy.url)
    await chain.transfer(handleA, 5n * ether)
    expect(await desk.summary()).toEqual(["confirming (first_seen)"])
    const before = await proxy.ask("eth_getBlockByNumber", "finalized", false)
    await chain.mine(4)
    expect(await desk.summary()).toEqual(["confirmed (confirmed)"])
    proxy.lie(({ method, params, result }) =>
      method === "eth_getBlockByNumber" && params[0] === "finalized" ? before : result,
    )
    // Without a restart the node is one whose finality went back, which is no node to rely on.
    expect(await desk.look()).toEqual([])
    desk.restart()
    expect(await desk.look()).toEqual([])
    expect([...desk.transfers.values()]).toMatchObject([{ status: "confirmed" }])
    await chain.reorg(5)
    expect(await desk.summary()).toEqual(["reorged (reorged)"])
  })

  test("is not taken back by a node that is behind what was recorded when the process starts anew", async () => {
    await using chain = await givenAnvil()
    await using proxy = await lyingProxy(chain.anvil.url)
    const desk = givenDesk(proxy.url)
    const behind = await proxy.ask("eth_getBlockByNumber", "latest", false)
    const hash = await chain.transfer(handleA, 5n * ether)
    expect(await desk.summary()).toEqual(["confirming (first_seen)"])
    desk.restart()
    proxy.lie(({ method, params, result }) => {
      if (method === "eth_getTransactionReceipt" && params[0] === hash) return null
      return method === "eth_getBlockByNumber" && params[0] === "latest" ? behind : result
    })
    expect(await desk.look()).toEqual([])
    expect(await desk.look()).toEqual([])
    expect(desk.lastError()).toMatch(
      /the newest block is at \d+, and at \d+ when a deposit was last recorded/,
    )
    proxy.lie(null)
    await chain.mine(2)
    expect(await desk.summary()).toEqual(["confirmed (confirmed)"])
  })

  test("several in one transaction are transfers of their own, and are taken back and come back together", async () => {
    await using chain = await givenAnvil()
    const desk = givenDesk(chain.anvil.url)
    const hash = await chain.proxied([handleA, 2n * ether], [handleB, 3n * ether], [handleA, 2n * ether])
    expect(await desk.summary()).toEqual(Array(3).fill("confirming (first_seen)"))
    expect(
      [...desk.transfers.values()].map(({ output_index, funding_handle }) => [output_index, funding_handle]),
    ).toEqual([
      [0, handleA],
      [1, handleB],
      [2, handleA],
    ])
    const raw = await chain.raw(hash)
    await chain.reorg(1)
    expect(await desk.summary()).toEqual(Array(3).fill("reorged (reorged)"))
    await chain.reorg(1, [raw, 0])
    expect(await desk.summary()).toEqual(Array(3).fill("confirming (returned)"))
    // The bridge lists two equal ones and another: each credit is one transfer's.
    const rows = [2n, 3n, 2n].map((count, at) =>
      credit({ tx_hash: hash, address: at === 1 ? handleB : handleA, amount: amount(count * ether) }),
    )
    expect(await desk.summary(rows)).toEqual(Array(3).fill("credited (credited)"))
    expect(desk.transfers.size).toBe(3)
  })

  test("that was credited and then left the chain is reorged and keeps its credit", async () => {
    await using chain = await givenAnvil()
    const desk = givenDesk(chain.anvil.url)
    const tx_hash = await chain.transfer(handleA, 5n * ether)
    await desk.look()
    const row = credit({ tx_hash })
    expect(await desk.summary([row])).toEqual(["credited (credited)"])
    await chain.reorg(1)
    expect(await desk.summary([row])).toEqual(["reorged (reorged)"])
    expect([...desk.transfers.values()]).toMatchObject([{ status: "reorged", tx_hash }])
  })
})
