import { timestamp } from "@landfall/domain/timestamp"
import type { ObserverHealth } from "@landfall/domain/topics/funding-observation"
import { BitcoindError, type BitcoindRpc } from "./bitcoin-rpc.ts"
import { answerReader, BlockchainInfo, BlockHeader } from "./bitcoin-schemas.ts"
import { type BitcoinNetwork, genesisBlocks } from "./known-chains.ts"

/** How the node stands: its tip, and why it is behind when it is. */
export interface TipReport {
  readonly health: ObserverHealth
  readonly tip_hash: string
  /** Why the node is `lagging`; empty when it is `ok`. */
  readonly reasons: ReadonlyArray<string>
}

/** Judges whether one node is in sync. */
export interface TipWatch {
  readonly look: () => Promise<TipReport>
  readonly bestBlock: () => Promise<string>
  /** Connected anew: the chain is to be checked again. The last tip is remembered. */
  readonly reconnected: () => void
}

const blockNotFound = -5

const readInfo = answerReader("getblockchaininfo", BlockchainInfo)
const readHeader = answerReader("getblockheader", BlockHeader)

export interface TipWatchOptions {
  readonly network: BitcoinNetwork
  /** A tip older than this means that the node hears of no blocks; null where blocks come when someone wants them. */
  readonly tip_age_ms_max: number | null
  readonly now: () => number
}

/** Watches the tip of a node that must be on the given chain. */
export const tipWatch = (rpc: BitcoindRpc, options: TipWatchOptions): TipWatch => {
  let checked = false
  let known: { readonly hash: string; readonly height: number } | null = null

  const requireChain = async (chain: string): Promise<void> => {
    const expected = genesisBlocks[options.network]
    const genesis = await rpc.call("getblockhash", [0])
    if (chain !== options.network || genesis !== expected)
      throw new BitcoindError(
        "garbage",
        `bitcoind at ${rpc.shown} is on the chain ${chain} (first block ${String(genesis).slice(0, 64)}), not on ${options.network}; nothing was read from it. Set BITCOIN_OBSERVER_URL or BITCOIN_NETWORK right.`,
      )
    checked = true
  }

  /** A shorter chain is news only when the node knows the block that it left; else it has lost some of its chain. */
  const lostBlocks = async (info: BlockchainInfo): Promise<string | null> => {
    if (known === null || info.blocks >= known.height) return null
    try {
      readHeader(await rpc.call("getblockheader", [known.hash]))
      return null
    } catch (error) {
      if (!(error instanceof BitcoindError) || error.code !== blockNotFound) throw error
      return `the node is at height ${info.blocks} and does not know block ${known.hash}, at ${known.height}, which it had before`
    }
  }

  return {
    look: async () => {
      const info = readInfo(await rpc.call("getblockchaininfo"))
      if (!checked) await requireChain(info.chain)
      const tip_ms = (info.time ?? info.mediantime) * 1000
      const lost = await lostBlocks(info)
      if (lost === null) known = { hash: info.bestblockhash, height: info.blocks }
      const age_ms = options.now() - tip_ms
      const stale = options.tip_age_ms_max !== null && age_ms > options.tip_age_ms_max
      const reasons = [
        ...(info.initialblockdownload ? ["the node is in its initial block download"] : []),
        ...(info.headers > info.blocks ? [`the node has ${info.blocks} of ${info.headers} blocks`] : []),
        ...(stale ? [`the newest block is ${Math.round(age_ms / 60_000)} minutes old`] : []),
        ...(lost === null ? [] : [lost]),
      ]
      return {
        health: {
          state: reasons.length === 0 ? "ok" : "lagging",
          tip_height: info.blocks,
          tip_at: timestamp(tip_ms),
        },
        tip_hash: info.bestblockhash,
        reasons,
      }
    },
    bestBlock: async () => String(await rpc.call("getbestblockhash")),
    reconnected: () => {
      checked = false
    },
  }
}
