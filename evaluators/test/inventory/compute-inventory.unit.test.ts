import { type Amount, amount } from "@landfall/domain/amount"
import { depositStanding } from "@landfall/domain/bridge-status"
import { recordDecoder, recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { intentInventoryTopic, inventorySnapshotId } from "@landfall/domain/topics/intent-inventory"
import fc from "fast-check"
import { expect, test } from "vitest"
import {
  computeInventory,
  type InventoryFacts,
  type ReportedDeposit,
  sameBalances,
} from "../../src/inventory/compute-inventory.ts"

const observed_at = timestamp(Date.UTC(2026, 10, 23, 9, 30))
const held = (units: { readonly [asset: string]: bigint }): ReadonlyMap<string, Amount> =>
  new Map(Object.entries(units).map(([asset, value]) => [asset, amount(value)]))
const deposit = (status: string, units: bigint, asset_id = "BTC"): ReportedDeposit => ({
  asset_id,
  amount: amount(units),
  status,
})
const compute = (facts: Partial<InventoryFacts>) => {
  const computed = computeInventory({
    account_id: "desk.near",
    observed_at,
    spendable: held({ BTC: 0n }),
    deposits: [],
    ...facts,
  })
  if (!computed.ok) throw new Error(computed.problem)
  return computed
}

test("takes what is spendable from the verifier, whatever the bridge reports", () => {
  const deposits = [deposit("COMPLETED", 7n), deposit("PENDING", 11n)]
  expect(compute({ spendable: held({ BTC: 5n }), deposits }).inventory).toEqual({
    inventory_snapshot_id: inventorySnapshotId("desk.near", observed_at),
    account_id: "desk.near",
    observed_at,
    balances: [{ asset_id: "BTC", spendable: 5n, pending_inbound: 11n, credited: 7n }],
  })
})

test.each([
  ["PENDING", "pending"],
  ["COMPLETED", "credited"],
  ["CREDITED", "credited"],
  [" credited ", "credited"],
  ["FAILED", "failed"],
  ["failed", "failed"],
  ["UNDER_REVIEW", "pending"],
  ["", "pending"],
  ["NOT_COMPLETED", "pending"],
])("reads the bridge's %j as %s", (word, standing) => {
  expect(depositStanding(word)).toBe(standing)
})

test("counts a failed deposit nowhere, and a later credit of it once", () => {
  expect(compute({ deposits: [deposit("FAILED", 7n)] }).inventory.balances).toMatchObject([
    { pending_inbound: 0n, credited: 0n },
  ])
  expect(compute({ deposits: [deposit("COMPLETED", 7n)] }).inventory.balances).toMatchObject([
    { pending_inbound: 0n, credited: 7n },
  ])
})

test("claims nothing of an asset that the verifier was not asked about, and names it", () => {
  const deposits = [
    deposit("PENDING", 7n, "USDC"),
    deposit("COMPLETED", 9n, "eth:1:0xabc"),
    deposit("PENDING", 1n, "USDC"),
  ]
  const computed = compute({ deposits })
  expect(computed.inventory.balances.map(({ asset_id }) => asset_id)).toEqual(["BTC"])
  expect(computed.unlisted_assets).toEqual(["USDC", "eth:1:0xabc"])
})

test("says so when deposits add up to more than an amount can hold", () => {
  const most = 10n ** 78n - 1n
  const facts = { account_id: "desk.near", observed_at, spendable: held({ BTC: 0n }) }
  const computed = computeInventory({
    ...facts,
    deposits: [deposit("PENDING", most), deposit("PENDING", 1n)],
  })
  expect(computed).toEqual({ ok: false, problem: expect.stringContaining("pending deposits of BTC") })
  expect(computeInventory({ ...facts, deposits: [deposit("PENDING", most)] }).ok).toBe(true)
})

const asset = fc.constantFrom("BTC", "EURe", "ETH")
const units = fc.bigInt(0n, 10n ** 30n)
const facts: fc.Arbitrary<InventoryFacts> = fc.record({
  account_id: fc.constant("desk.near"),
  observed_at: fc.constant(observed_at),
  spendable: fc
    .uniqueArray(fc.tuple(asset, units), { selector: ([name]) => name })
    .map((pairs) => new Map(pairs.map(([name, value]) => [name, amount(value)]))),
  deposits: fc.array(
    fc
      .tuple(fc.constantFrom("PENDING", "COMPLETED", "CREDITED", "FAILED", "ODD"), units, asset)
      .map((parts) => deposit(...parts)),
  ),
})
const encode = recordEncoder(intentInventoryTopic)
const decode = recordDecoder(intentInventoryTopic)

test("gives the same bytes for the same facts in any order, and they decode to the inventory", () => {
  fc.assert(
    fc.property(facts, fc.infiniteStream(fc.nat()), (given, order) => {
      const keys = given.deposits.map((row) => ({ row, key: order.next().value ?? 0 }))
      const deposits = keys.sort((left, right) => left.key - right.key).map(({ row }) => row)
      const spendable = new Map([...given.spendable].reverse())
      const bytes = encode(compute(given).inventory)
      expect(encode(compute({ ...given, spendable, deposits }).inventory)).toBe(bytes)
      expect(decode(Buffer.from(bytes))).toEqual({ ok: true, record: compute(given).inventory })
    }),
  )
})

test("never lets a deposit of the bridge change what is spendable", () => {
  fc.assert(
    fc.property(facts, (given) => {
      for (const { asset_id, spendable } of compute(given).inventory.balances)
        expect(spendable).toBe(given.spendable.get(asset_id))
    }),
  )
})

test("counts each readable deposit of a listed asset exactly once", () => {
  fc.assert(
    fc.property(facts, (given) => {
      const counted = compute(given).inventory.balances.reduce(
        (total, balance) => total + balance.pending_inbound + balance.credited,
        0n,
      )
      const reported = given.deposits
        .filter((row) => given.spendable.has(row.asset_id) && row.status !== "FAILED")
        .reduce((total, row) => total + row.amount, 0n)
      expect(counted).toBe(reported)
    }),
  )
})

test("tells inventories apart by their balances, not by their times", () => {
  fc.assert(
    fc.property(facts, facts, (left, right) => {
      const one = compute(left).inventory
      const later = compute({ ...left, observed_at: timestamp(Date.parse(observed_at) + 1) }).inventory
      expect(sameBalances(one, later)).toBe(true)
      const other = compute(right).inventory
      expect(sameBalances(one, other)).toBe(encode(one) === encode(other))
    }),
  )
})
