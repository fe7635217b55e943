import { amount } from "@landfall/domain/amount"
import { afterAll, beforeAll, expect, it } from "vitest"
import { until } from "../src/until.ts"
import { type Desk, startDesk } from "./given-desk.ts"

const token = "nep141:btc.omft.near"
const timeoutMs = 120_000

let desk: Desk
beforeAll(async () => {
  desk = await startDesk()
}, timeoutMs)
afterAll(() => desk?.stop(), timeoutMs)

interface Row {
  readonly transfer_id: string
  readonly tx_hash: string
  readonly status: string
  readonly first_seen_at: Date
  readonly bridge_deposit_tx_hash: string | null
  readonly match: string | null
}

const transfer = (txid: string, status: string): Promise<Row> =>
  until(`transfer ${txid} to be ${status}`, async () => {
    const [row] = await desk.sql<Row[]>`select * from funding_transfer_snapshot where tx_hash = ${txid}`
    return row?.status === status ? row : null
  })

/** Every inventory that was ever published, as PostgreSQL keeps it, in order. */
const spendableEver = async (): Promise<readonly bigint[]> => {
  const rows = await desk.sql<
    { payload: string }[]
  >`select payload from intent_inventories order by topic_partition, kafka_offset`
  return rows.map(({ payload }) => {
    const { balances } = JSON.parse(payload) as { balances: { asset_id: string; spendable: string }[] }
    return BigInt(balances.find(({ asset_id }) => asset_id === "BTC")?.spendable ?? "0")
  })
}

/** An inventory that was published after now. */
const nextInventory = async (): Promise<void> => {
  const count = (await spendableEver()).length
  await until("an inventory that was published after now", async () =>
    (await spendableEver()).length > count + 1 ? true : null,
  )
}

it("BTC funding observation remains non-spendable before credit", { timeout: timeoutMs }, async () => {
  const address = await desk.issueHandle()
  const txid = await desk.miner<string>("sendtoaddress", address, "0.25")
  await transfer(txid, "seen")
  await nextInventory()
  await desk.mine(1)
  await transfer(txid, "confirming")
  await desk.mine(1)
  await transfer(txid, "confirmed")
  await nextInventory()
  expect(new Set(await spendableEver())).toEqual(new Set([0n]))
  const state = await desk.operation.inventory.get<{
    funding_visibility: { pre_credit_inbound: Record<string, string> }
  }>("/state")
  expect(state.funding_visibility.pre_credit_inbound["BTC"]).toBe("25000000")

  // The bridge's word alone still spends nothing; the verifier's balance does.
  const { deposit_id } = await desk.parts.bridge.control.addDeposit({
    account_id: desk.account,
    chain: "btc:mainnet",
    address,
    amount: amount(25_000_000n),
    tx_hash: txid,
  })
  await desk.parts.bridge.control.credit({ deposit_id })
  await transfer(txid, "credited")
  await nextInventory()
  expect(new Set(await spendableEver())).toEqual(new Set([0n]))
  await desk.parts.verifier.control.credit({
    account_id: desk.account,
    token_id: token,
    amount: amount(25_000_000n),
  })
  await until("the verifier's balance to be spendable", async () =>
    (await spendableEver()).at(-1) === 25_000_000n || (await spendableEver()).includes(25_000_000n)
      ? true
      : null,
  )
})

it("funding observation correlates to a later credited deposit without losing the original tx hash", {
  timeout: timeoutMs,
}, async () => {
  const address = await desk.issueHandle()
  const txid = await desk.miner<string>("sendtoaddress", address, "0.125")
  const seen = await transfer(txid, "seen")
  await desk.mine(2)
  await transfer(txid, "confirmed")
  const bridgeHash = "c".repeat(64)
  const { deposit_id } = await desk.parts.bridge.control.addDeposit({
    account_id: desk.account,
    chain: "btc:mainnet",
    address,
    amount: amount(12_500_000n),
    tx_hash: "",
  })
  await desk.parts.bridge.control.credit({ deposit_id, tx_hash: bridgeHash })
  const credited = await transfer(txid, "credited")
  expect(credited).toMatchObject({
    transfer_id: seen.transfer_id,
    tx_hash: txid,
    first_seen_at: seen.first_seen_at,
    bridge_deposit_tx_hash: bridgeHash,
    match: "address_amount",
  })
  const revisions = await desk.sql<
    { revision: number; tx_hash: string }[]
  >`select revision, tx_hash from funding_observations where transfer_id = ${seen.transfer_id} order by kafka_offset`
  expect(revisions.map(({ revision }) => revision)).toEqual(revisions.map((_, index) => index + 1))
  expect(new Set(revisions.map(({ tx_hash }) => tx_hash))).toEqual(new Set([txid]))
})
