import { amount } from "@landfall/domain/amount"
import { step } from "../terminal.ts"
import { until } from "../until.ts"
import { alertIs, sayAlert } from "./alerts.ts"
import type { Stage } from "./story.ts"

/** A transfer as the history writer shows it. */
export interface Transfer {
  readonly transfer_id: string
  readonly status: string
  readonly tx_hash: string
  readonly amount: string
  readonly asset_id: string
  readonly confirmations: number
  readonly confirmations_required: number
  readonly bridge_deposit_tx_hash?: string
  readonly match?: string
  readonly first_seen_at: string
  readonly successor_tx_hash?: string
}

interface ManagerState {
  readonly active_funding_handles: {
    readonly [chain: string]: { readonly [asset: string]: ReadonlyArray<string> }
  }
}

interface InventoryState {
  readonly inventory: {
    readonly balances: ReadonlyArray<{ readonly asset_id: string; readonly spendable: string }>
  } | null
  readonly funding_visibility: { readonly pre_credit_inbound: { readonly [asset: string]: string } | null }
}

const depositBtc = "0.5"
const depositSatoshi = 50_000_000n
const seenWithinMs = 2_000

/**
 * The first part of the story: a Bitcoin deposit from its handle to its credit. Every observation is read from PostgreSQL
 * through the history writer, so each step shows the whole way: bitcoind, liquidity-manager, Kafka, history-writer.
 */
export const playDeposit = async (stage: Stage): Promise<void> => {
  const { terminal, bridgeWallet, miner } = stage
  const bridge = stage.parts.bridge.control
  const address = await step(
    terminal,
    "the bridge issues a Bitcoin deposit address",
    async () => {
      // An address of the bridge's own wallet on the node: Landfall never has its keys.
      const issued = await bridgeWallet<string>("getnewaddress", "", "bech32")
      await bridge.issueHandle({ account_id: stage.account, chain: "btc:mainnet", address: issued })
      await until("the handle to be active", async () => {
        const { active_funding_handles } = await stage.operation.manager.get<ManagerState>("/state")
        return Object.values(active_funding_handles["bitcoin"] ?? {})
          .flat()
          .includes(issued)
          ? issued
          : null
      })
      return issued
    },
    (issued) => issued,
  )

  const startedMs = performance.now()
  const txid = await miner<string>("sendtoaddress", address, depositBtc)
  const seen = await step(
    terminal,
    `${depositBtc} BTC is sent: seen in PostgreSQL within 2 s`,
    async () => {
      const row = await reached(stage, txid, "seen")
      const tookMs = performance.now() - startedMs
      if (tookMs > seenWithinMs) throw new Error(`it took ${tookMs.toFixed(0)} ms`)
      return row
    },
    (row) => `${row.status} ${txid}`,
  )

  const before = await step(
    terminal,
    "it is on its way and not spendable",
    () =>
      until("the inventory to show it as inbound", async () => {
        const shown = await inventoryOf(stage, seen.asset_id)
        return shown.inbound >= depositSatoshi ? shown : null
      }),
    ({ inbound, spendable }) => `pre-credit inbound ${inbound} satoshi, spendable ${spendable}`,
  )

  await step(
    terminal,
    "left unmined: funding_seen_unconfirmed",
    () => alertIs(stage, "funding_seen_unconfirmed", "raised", { tx_hash: txid }),
    sayAlert,
  )

  await mine(stage, 1)
  await step(terminal, "a block has it", () => reached(stage, txid, "confirming"), confirmations)
  await mine(stage, seen.confirmations_required - 1)
  await step(
    terminal,
    "the policy's confirmations are reached",
    () => reached(stage, txid, "confirmed"),
    confirmations,
  )

  await step(
    terminal,
    "the alert is cleared",
    () => alertIs(stage, "funding_seen_unconfirmed", "cleared", { tx_hash: txid }),
    sayAlert,
  )
  await step(
    terminal,
    "the bridge dawdles: funding_confirmed_credit_pending",
    () => alertIs(stage, "funding_confirmed_credit_pending", "raised", { tx_hash: txid }),
    sayAlert,
  )

  const bridgeHash = "b".repeat(64)
  const credited = await step(
    terminal,
    "the bridge credits it under another hash",
    async () => {
      // In one command: listed as pending before, it would be an observation more whenever it is asked in between.
      await bridge.addDeposit({
        account_id: stage.account,
        chain: "btc:mainnet",
        address,
        amount: amount(depositSatoshi),
        tx_hash: bridgeHash,
        status: "COMPLETED",
      })
      return reached(stage, txid, "credited")
    },
    (row) => `match ${row.match}, bridge hash ${row.bridge_deposit_tx_hash?.slice(0, 12)}…`,
  )

  await step(
    terminal,
    "the alert is cleared",
    () => alertIs(stage, "funding_confirmed_credit_pending", "cleared", { tx_hash: txid }),
    sayAlert,
  )

  await step(
    terminal,
    "spendable rises only now, through the verifier",
    async () => {
      const still = await inventoryOf(stage, seen.asset_id)
      if (still.spendable !== before.spendable)
        throw new Error(`spendable became ${still.spendable} before the verifier had it`)
      await stage.parts.verifier.control.credit({
        account_id: stage.account,
        token_id: "nep141:btc.omft.near",
        amount: amount(depositSatoshi),
      })
      return until("the inventory to have it", async () => {
        const shown = await inventoryOf(stage, seen.asset_id)
        return shown.spendable === before.spendable + depositSatoshi && shown.inbound < before.inbound
          ? shown
          : null
      })
    },
    ({ inbound, spendable }) => `pre-credit inbound ${inbound} satoshi, spendable ${spendable}`,
  )

  await step(
    terminal,
    "the original hash and first sight were kept",
    async () => {
      if (credited.tx_hash !== txid) throw new Error(`tx_hash became ${credited.tx_hash}`)
      if (credited.first_seen_at !== seen.first_seen_at)
        throw new Error(`first_seen_at became ${credited.first_seen_at}`)
      if (credited.bridge_deposit_tx_hash !== bridgeHash) throw new Error("the bridge's hash is not shown")
      return credited
    },
    (row) => `${row.tx_hash.slice(0, 12)}… first seen ${row.first_seen_at}`,
  )

  await step(
    terminal,
    "every revision is in the append-only table once, in order",
    async () => {
      const { items } = await stage.operation.writer.get<{ items: ReadonlyArray<{ payload: string }> }>(
        `/v1/observations?transfer_id=${credited.transfer_id}`,
      )
      const revisions = items.map(({ payload }) => (JSON.parse(payload) as { revision: number }).revision)
      if (revisions.length === 0 || revisions.some((revision, index) => revision !== index + 1))
        throw new Error(`revisions ${revisions.join(", ")}`)
      return revisions
    },
    (revisions) => `revisions 1 to ${revisions.length}`,
  )
}

/** A transfer's status and confirmations in words. */
export const confirmations = (row: Transfer): string =>
  `${row.status}, ${row.confirmations} of ${row.confirmations_required} confirmations`

/** The transfer, once PostgreSQL has it with that status. */
export const reached = (stage: Stage, txid: string, status: string): Promise<Transfer> =>
  until(`the transfer to be ${status}`, async () => {
    const { items } = await stage.operation.writer.get<{ items: ReadonlyArray<Transfer> }>(
      `/v1/transfers?tx_hash=${txid}`,
    )
    return items.find((row) => row.status === status) ?? null
  })

/** What inventory-sync shows of an asset: spendable as published, and apart from it what is on its way. */
const inventoryOf = async (stage: Stage, assetId: string) => {
  const { inventory, funding_visibility } = await stage.operation.inventory.get<InventoryState>("/state")
  const balance = inventory?.balances.find(({ asset_id }) => asset_id === assetId)
  return {
    spendable: BigInt(balance?.spendable ?? "0"),
    inbound: BigInt(funding_visibility.pre_credit_inbound?.[assetId] ?? "0"),
  }
}

/** Mines blocks to the sender's wallet. */
export const mine = async ({ miner }: Stage, blocks: number): Promise<void> => {
  if (blocks <= 0) return
  await miner("generatetoaddress", blocks, await miner<string>("getnewaddress"))
}
