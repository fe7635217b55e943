import type { Bridge } from "@landfall/adapters/bridge/bridge"
import { amount } from "@landfall/domain/amount"
import type { BridgeDeposit } from "@landfall/evaluators/funding/facts"
import { expect, test } from "vitest"
import { watchBridge } from "../src/bridge-watch.ts"
import { deskConfig } from "../src/funding-config.ts"
import { start_ms } from "./given-manager.ts"

const row: BridgeDeposit = {
  tx_hash: null,
  chain: "bitcoin",
  asset_id: "BTC",
  address: "bc1qdesk",
  amount: amount(1n),
  account_id: "desk.near",
  status: "PENDING",
}

const given = (changes: Partial<Bridge> = {}) => {
  const bridge: Bridge = {
    recentDeposits: async (_account, chain) => ({ rows: chain === "btc:mainnet" ? [row] : [], problems: [] }),
    depositAddress: async (_account, chain) => (chain === "btc:mainnet" ? "bc1qdesk" : null),
    minimumDeposits: async () => new Map([["BTC", amount(5n)]]),
    ...changes,
  }
  const changed: Array<string | null> = []
  let now_ms = start_ms
  const watch = watchBridge({
    bridge,
    config: deskConfig,
    accounts: ["desk.near"],
    pollIntervalMs: 500,
    handleIntervalMs: 2_000,
    now: () => now_ms,
    random: () => 0,
    onChange: (error) => changed.push(error),
  })
  return { bridge, watch, changed, pass: (ms: number) => (now_ms += ms) }
}

test("follows deposits, addresses and minimums", async () => {
  const { watch } = given()
  expect(watch.status()).toMatchObject({ healthy: false, last_error: "not asked yet" })
  await watch.poll()
  expect(watch.rows()).toEqual([row])
  expect(watch.handles()).toEqual([
    { account_id: "desk.near", asset_id: "BTC", chain: "bitcoin", funding_handle: "bc1qdesk" },
  ])
  expect(watch.minimums()).toEqual(new Map([["BTC", 5n]]))
  expect(watch.status()).toMatchObject({ healthy: true, last_error: null })
})

test("keeps what the bridge said when it stops answering, and tells once when it fails and once when it is back", async () => {
  let away = false
  const { watch, changed } = given({
    recentDeposits: async () => {
      if (away) throw new Error("the bridge is away")
      return { rows: [row], problems: [] }
    },
  })
  await watch.poll()
  away = true
  await watch.poll()
  await watch.poll()
  expect(watch.rows()).toHaveLength(2) // one for each chain
  expect(watch.status()).toMatchObject({ healthy: false, last_error: "the bridge is away" })
  away = false
  await watch.poll()
  expect(changed).toEqual(["the bridge is away", null])
})

test("asks for addresses only at their interval, and takes none that no chain could have", async () => {
  let asked = 0
  const { watch, pass } = given({
    depositAddress: async () => {
      asked++
      return asked > 2 ? "bc1qnew" : "not an\u0000address"
    },
  })
  await watch.poll()
  await watch.poll()
  expect(asked).toBe(2)
  expect(watch.handles()).toEqual([])
  pass(2_000)
  await watch.poll()
  expect(watch.handles().map((handle) => handle.funding_handle)).toEqual(["bc1qnew", "bc1qnew"])
})

test("a bridge that issued no address is no failure", async () => {
  const { watch } = given({ depositAddress: () => Promise.reject(new Error("no address was issued")) })
  await watch.poll()
  expect(watch.status().healthy).toBe(true)
})

test("one question at a time: a poll during a poll is the same poll", async () => {
  let open = 0
  let most = 0
  const { watch } = given({
    minimumDeposits: async () => {
      most = Math.max(most, ++open)
      await Promise.resolve()
      open--
      return new Map()
    },
  })
  await Promise.all([watch.poll(), watch.poll()])
  expect(most).toBe(1)
})
