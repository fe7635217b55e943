import { amount } from "@landfall/domain/amount"
import { jsonRpc } from "@landfall/setup/parts/json-rpc"
import { afterAll, beforeAll, expect, it } from "vitest"
import { until } from "../src/until.ts"
import { type Desk, startDesk } from "./given-desk.ts"

const token = "nep141:btc.omft.near"
const eureToken = "nep141:gnosis-0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430.omft.near"
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
  readonly amount: string
  readonly chain: string
}

const transfer = (txid: string, status: string): Promise<Row> =>
  until(`transfer ${txid} to be ${status}`, async () => {
    const [row] = await desk.sql<Row[]>`select * from funding_transfer_snapshot where tx_hash = ${txid}`
    return row?.status === status ? row : null
  })

/** What was recorded of a transfer, in order, and under which hashes. */
const timeline = async (transfer_id: string) => {
  const rows = await desk.sql<{ revision: number; tx_hash: string; status: string }[]>`
    select revision, tx_hash, status from funding_observations
    where transfer_id = ${transfer_id} order by revision`
  expect(rows.map(({ revision }) => revision)).toEqual(rows.map((_, index) => index + 1))
  return { statuses: rows.map(({ status }) => status), hashes: new Set(rows.map(({ tx_hash }) => tx_hash)) }
}

/** The alert about the transfer, once the snapshot has it so. */
const alert = (alert_code: string, tx_hash: string, status: "raised" | "cleared") =>
  until(`${alert_code} about ${tx_hash} to be ${status}`, async () => {
    const [row] = await desk.sql<{ status: string; severity: string; reason: string }[]>`
      select status, severity, reason from alert_snapshot
      where alert_code = ${alert_code} and tx_hash = ${tx_hash}`
    return row?.status === status ? row : null
  })

/** Every inventory that was ever published, as PostgreSQL keeps it, in order. */
const spendableEver = async (asset = "BTC"): Promise<readonly bigint[]> => {
  const rows = await desk.sql<
    { payload: string }[]
  >`select payload from intent_inventories order by topic_partition, kafka_offset`
  return rows.map(({ payload }) => {
    const { balances } = JSON.parse(payload) as { balances: { asset_id: string; spendable: string }[] }
    return BigInt(balances.find(({ asset_id }) => asset_id === asset)?.spendable ?? "0")
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
  const { hashes } = await timeline(seen.transfer_id)
  expect(hashes).toEqual(new Set([txid]))
})

it("a deposit that is reorged after its credit raises funding_stuck as critical until it is mined again", {
  timeout: timeoutMs,
}, async () => {
  const { bitcoin, bridge } = desk.parts
  const address = await desk.issueHandle()
  const txid = await desk.miner<string>("sendtoaddress", address, "0.0625")
  const seen = await transfer(txid, "seen")
  await desk.mine(2)
  await transfer(txid, "confirmed")
  const { deposit_id } = await bridge.control.addDeposit({
    account_id: desk.account,
    chain: "btc:mainnet",
    address,
    amount: amount(6_250_000n),
    tx_hash: txid,
  })
  await bridge.control.credit({ deposit_id })
  await transfer(txid, "credited")

  const { blockhash } = await desk.miner<{ blockhash: string }>("gettransaction", txid)
  await bitcoin("invalidateblock", blockhash)
  // The new chain is longer and does not have it, though the bridge still lists its credit.
  const elsewhere = await desk.miner<string>("getnewaddress")
  for (let block = 0; block < 3; block++) await bitcoin("generateblock", elsewhere, [])
  await transfer(txid, "reorged")
  expect(await alert("funding_stuck", txid, "raised")).toMatchObject({
    severity: "critical",
    reason: "reorged after it was credited",
  })

  await desk.mine(1)
  expect(await transfer(txid, "credited")).toMatchObject({ tx_hash: txid, first_seen_at: seen.first_seen_at })
  expect((await alert("funding_stuck", txid, "cleared")).reason).toBe("the deposit is credited")
  const { statuses } = await timeline(seen.transfer_id)
  expect(statuses.slice(-4)).toEqual(["confirmed", "credited", "reorged", "credited"])
})

it("an EURe transfer goes the same way: reorged, mined again, final, credited, and spendable by the verifier only", {
  timeout: timeoutMs,
}, async () => {
  const { eure, gnosisUrl, bridge, verifier } = desk.parts
  if (eure === null) throw new Error("the desk has no EURe")
  const anvil = jsonRpc(gnosisUrl)
  const address = "0x5afe5afe5afe5afe5afe5afe5afe5afe5afe5afe"
  // More than a number of JavaScript holds.
  const wei = 12_345_678_901_234_567_890_123n
  await bridge.control.issueHandle({ account_id: desk.account, chain: "eth:100", address })
  const hash = await eure.send(address, wei)
  const first = await transfer(hash, "confirming")
  const raw = await anvil<string>("eth_getRawTransactionByHash", hash)
  await anvil("anvil_reorg", 1, [])
  await transfer(hash, "reorged")
  await anvil("anvil_reorg", 1, [[raw, 0]])
  await transfer(hash, "confirming")
  await anvil("anvil_mine", "0x8")
  await transfer(hash, "confirmed")
  await nextInventory()
  expect(new Set(await spendableEver("EURe"))).toEqual(new Set([0n]))

  const bridgeHash = `0x${"d".repeat(64)}`
  await bridge.control.addDeposit({
    account_id: desk.account,
    chain: "eth:100",
    address,
    amount: amount(wei),
    tx_hash: bridgeHash,
    status: "COMPLETED",
  })
  expect(await transfer(hash, "credited")).toMatchObject({
    transfer_id: first.transfer_id,
    first_seen_at: first.first_seen_at,
    bridge_deposit_tx_hash: bridgeHash,
    match: "address_amount",
    amount: String(wei),
    chain: "gnosis",
  })
  const { statuses, hashes } = await timeline(first.transfer_id)
  expect(statuses).toEqual(["confirming", "reorged", "confirming", "confirmed", "credited"])
  expect(hashes).toEqual(new Set([hash]))
  await nextInventory()
  expect(new Set(await spendableEver("EURe"))).toEqual(new Set([0n]))
  await verifier.control.credit({ account_id: desk.account, token_id: eureToken, amount: amount(wei) })
  await until("the verifier's balance to be spendable", async () =>
    (await spendableEver("EURe")).includes(wei) ? true : null,
  )
})
