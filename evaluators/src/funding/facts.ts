import type { Amount } from "@landfall/domain/amount"
import { depositStanding } from "@landfall/domain/bridge-status"
import type { Chain, FundingObservation, ObserverHealth } from "@landfall/domain/topics/funding-observation"

/** One output to a deposit address, as a chain observer sees it now. */
export interface SeenOutput {
  readonly tx_hash: string
  /** `vout` on Bitcoin; on Gnosis the n-th matching transfer in its transaction. */
  readonly output_index: number
  readonly funding_handle: string
  /** The token contract on Gnosis, part of the transfer's identity there. */
  readonly token?: string
  /** Base units: satoshi, wei. */
  readonly amount: Amount
  /** 0 while it is not mined. */
  readonly confirmations: number
  /** On chains with a finality tag: whether the tag covers it. Absent, the confirmations decide. */
  readonly final?: boolean
  readonly block_hash?: string
  readonly block_height?: number
  /** When the chain or the node's mempool had it, which may be long before we looked. */
  readonly chain_time_ms?: number
  /** For an unmined one: whether the node's mempool holds it. Absent when that was not asked. */
  readonly in_mempool?: boolean
  /** A mined transaction spent its inputs. */
  readonly conflicted?: boolean
  /** The rival that spent its inputs, in the mempool or mined. */
  readonly successor_tx_hash?: string
  readonly coinbase?: boolean
  /** Who saw it, when that is not who made the sighting: of two observers, one. */
  readonly source?: Exclude<FundingObservation["source"], "bridge">
}

/** An output that the observer knew and lists no more: its block left the chain, or it can never be mined. */
export interface GoneOutput {
  readonly tx_hash: string
  readonly output_index: number
  /** A mined transaction spent its inputs. */
  readonly conflicted?: boolean
  readonly successor_tx_hash?: string
}

/** What one observer says at one poll, and how well it stood when it said so. */
export interface ChainSighting {
  readonly source: Exclude<FundingObservation["source"], "bridge">
  readonly health: ObserverHealth
  readonly outputs: ReadonlyArray<SeenOutput>
  readonly gone: ReadonlyArray<GoneOutput>
  /** Whether `outputs` holds every output ever paid to the handles; only then does a missing one mean anything. */
  readonly complete: boolean
}

/** A row of the bridge's `recent_deposits`, in our terms. */
export interface BridgeDeposit {
  /** As the bridge wrote it; null when it named none. */
  readonly tx_hash: string | null
  readonly chain: Chain
  readonly asset_id: string
  /** The deposit address; null when the bridge named none. */
  readonly address: string | null
  readonly amount: Amount
  readonly account_id: string
  /** The bridge's own word, also one that we do not know. */
  readonly status: string
  readonly created_at_ms?: number
}

/** A deposit address that the bridge issued; a retired one can still receive. */
export interface KnownHandle {
  readonly account_id: string
  readonly asset_id: string
  readonly chain: Chain
  readonly funding_handle: string
}

/** Everything that was seen in one poll. A chain that is missing has no observer. */
export interface FundingFacts {
  readonly chains: { readonly [chain in Chain]?: ChainSighting }
  /** Rows that the bridge listed; a row that is missing says nothing. */
  readonly bridge: ReadonlyArray<BridgeDeposit>
  readonly handles: ReadonlyArray<KnownHandle>
}

/** Whether the bridge's word means that the money was credited; pending, failed and unknown words do not. */
export const isCredit = (bridge_status: string): boolean => depositStanding(bridge_status) === "credited"
