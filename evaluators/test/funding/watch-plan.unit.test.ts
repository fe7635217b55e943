import { amount } from "@landfall/domain/amount"
import { expect, test } from "vitest"
import { watchPlan } from "../../src/funding/watch-plan.ts"
import { desk, hash, mined, output, policy, row } from "./fixtures.ts"

test("expects what is unmined or was mined not long ago, and looks back as far as the policy asks", () => {
  const { poll, transfers } = desk()
  poll({
    outputs: [
      output({ tx_hash: hash("aa") }),
      mined(1, { tx_hash: hash("ab") }),
      mined(9, { tx_hash: hash("ac") }),
      output({ tx_hash: hash("ad") }),
    ],
  })
  poll({ outputs: [output({ tx_hash: hash("ad"), conflicted: true })] })
  const plan = watchPlan(transfers.values(), "bitcoin", policy, 104)
  expect(plan.confirmations).toBe(6)
  expect(plan.recorded_tip_height).toBe(101)
  expect(plan.expected).toEqual([
    { tx_hash: hash("aa"), output_index: 0 },
    { tx_hash: hash("ab"), output_index: 0, block_height: 100, block_hash: hash("b0") },
    { tx_hash: hash("ac"), output_index: 0, block_height: 100, block_hash: hash("b0") },
  ])
  expect(watchPlan(transfers.values(), "bitcoin", policy, 107).expected).toEqual([
    { tx_hash: hash("aa"), output_index: 0 },
  ])
  expect(watchPlan(transfers.values(), "gnosis", policy, null)).toEqual({ confirmations: 1, expected: [] })
})

test("looks back to the maturity of a coinbase, and for the chain's hash of a transfer that the bridge named", () => {
  const { poll, transfers } = desk()
  poll({ outputs: [mined(1, { coinbase: true })] })
  expect(watchPlan(transfers.values(), "bitcoin", policy, 100).confirmations).toBe(101)
  const other = desk()
  other.poll({ state: "down", bridge: [row({ tx_hash: hash("dd"), amount: amount(60_000n) })] })
  other.poll({ outputs: [mined(1, { amount: amount(60_000n), chain_time_ms: other.time_ms() - 1 })] })
  expect(watchPlan(other.transfers.values(), "bitcoin", policy, 100).expected).toEqual([
    { tx_hash: hash("aa"), output_index: 0, block_height: 100, block_hash: hash("b0") },
  ])
})

test("looks for what still confirms however deep it is, where a finality tag settles it", () => {
  const { poll, only } = desk()
  poll({ outputs: [mined(1)] })
  const deposit = only()
  const onGnosis = { ...deposit, chain: "gnosis" as const }
  expect(onGnosis.status).toBe("confirming")
  expect(watchPlan([onGnosis], "gnosis", policy, 150).expected).toEqual([
    { tx_hash: hash("aa"), output_index: 0, block_height: 100, block_hash: hash("b0") },
  ])
  expect(watchPlan([{ ...onGnosis, status: "confirmed" }], "gnosis", policy, 150).expected).toEqual([])
})
