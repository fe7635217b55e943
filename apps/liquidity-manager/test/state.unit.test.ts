import { amount } from "@landfall/domain/amount"
import { expect, test } from "vitest"
import { readinessOf, standingOf, stateOf } from "../src/state.ts"
import { address, givenManager, output, start_ms } from "./given-manager.ts"

test("the state shows handles, deposits, what is uncredited, the correlation and the observers", async () => {
  const { manager, observers, bridge, facts, stop } = await givenManager()
  facts.outputs = [
    output(),
    output({ output_index: 1, amount: amount(70_000n) }),
    output({ output_index: 2, amount: amount(9n) }),
  ]
  facts.rows = [
    {
      tx_hash: "aa".repeat(32),
      chain: "bitcoin",
      asset_id: "BTC",
      address,
      amount: amount(70_000n),
      account_id: "desk.near",
      status: "COMPLETED",
    },
    {
      tx_hash: null,
      chain: "bitcoin",
      asset_id: "BTC",
      address,
      amount: amount(1_234n),
      account_id: "desk.near",
      status: "UNDER_REVIEW",
    },
  ]
  await manager.refresh()
  const state = stateOf(manager, observers, bridge)
  expect(state).toMatchObject({
    active_funding_handles: { bitcoin: { BTC: [address] } },
    uncredited_funding_total_by_asset: { BTC: 50_009n },
    funding_observations_total: 3,
    credit_correlation: {
      matched_total: 1,
      matched: [{ match: "tx_hash", bridge_deposit: { amount: 70_000n, status: "COMPLETED" } }],
      unmatched_bridge_deposits: [{ status: "UNDER_REVIEW", reason: "no_candidate" }],
      unmatched_funding_observations_total: 2,
    },
    funding_observers: { bitcoin: { healthy: true, state: "ok", paused: false, tip_height: 100 } },
  })
  expect(state.latest_funding_observation_at).toMatch(/^2026-11-23T09:00:0/)
  expect(state.funding_observations_by_handle[address]).toHaveLength(3)
  expect(standingOf(manager, observers, bridge, start_ms)).toMatchObject({
    behind_seconds: { bitcoin: null, bridge: null },
  })
  expect(readinessOf(manager)).toEqual({ ready: true, reasons: [] })
  await stop()
})

test("a paused observer is shown as paused, and nothing is concluded from its silence", async () => {
  const { manager, observers, bridge, facts, topics, stop } = await givenManager()
  facts.outputs = [output()]
  await manager.refresh()
  observers[0]?.pause()
  facts.outputs = [output({ in_mempool: false })]
  await manager.refresh()
  expect(stateOf(manager, observers, bridge).funding_observers).toMatchObject({
    bitcoin: { healthy: false, state: "paused", paused: true },
  })
  expect(topics.observations()).toHaveLength(1)
  observers[0]?.resume()
  await manager.refresh()
  expect(topics.observations().map(({ status }) => status)).toEqual(["seen", "dropped"])
  await stop()
})

test("before the topics were read it is not ready and says why", () => {
  expect(readinessOf({ trouble: () => "the state is being loaded" })).toEqual({
    ready: false,
    reasons: ["the state is being loaded"],
  })
})
