import { timestamp } from "@landfall/domain/timestamp"
import type { ObserverHealth } from "@landfall/domain/topics/funding-observation"
import type { Address } from "viem"
import { EvmError, type EvmRpc } from "./evm-rpc.ts"
import { type Block, readBlock, readChainId } from "./evm-schemas.ts"

export interface EvmTipOptions {
  /** The chain that the node must be on: 100 is Gnosis. */
  readonly chain_id: number
  readonly token: Address
  /** A newest block older than this means that the node hears of no blocks; null where blocks come when wanted. */
  readonly tip_age_ms_max: number | null
  readonly now: () => number
}

/** How the node stands. */
export interface EvmTipReport {
  readonly head: Block
  /** The height up to which the chain cannot change any more; null when the node does not say. */
  readonly final_height: number | null
  readonly tip: Omit<ObserverHealth, "state">
  /** Why the node is `lagging`; empty when it is `ok`. */
  readonly reasons: ReadonlyArray<string>
}

/** Judges whether one EVM node is in sync, and whether its chain becomes final. */
export interface EvmTip {
  readonly look: () => Promise<EvmTipReport>
  /** Connected anew: the contract is to be looked for again. */
  readonly reconnected: () => void
}

/**
 * On Gnosis finality is some 32 to 48 blocks behind the head. A chain that goes on without it may be one that others do
 * not follow, so its node is not `ok`.
 */
const unfinalBlocksMax = 128

export const evmTip = (rpc: EvmRpc, options: EvmTipOptions): EvmTip => {
  const { chain_id, token, tip_age_ms_max } = options
  let deployed = false
  let final: { readonly height: number; readonly since_ms: number } | null = null

  const requireChain = (answer: unknown): void => {
    const actual = readChainId(answer)
    if (actual !== BigInt(chain_id))
      throw new EvmError(
        "wrong_chain",
        `the EVM node at ${rpc.shown} is on the chain ${actual}, not on ${chain_id}; nothing was read from it. Set GNOSIS_OBSERVER_URL or GNOSIS_CHAIN_ID right.`,
      )
  }

  /** Why finality cannot be relied on, if so. */
  const judgeFinal = (block: Block | null, head: Block): ReadonlyArray<string> => {
    if (block === null) return ["the node does not say which block is final"]
    if (block.height > head.height)
      return [`the node calls block ${block.height} final, but is at ${head.height}`]
    const before = final
    if (before !== null && block.height < before.height)
      return [`the node calls block ${block.height} final, after block ${before.height} was`]
    if (before === null || block.height > before.height)
      final = { height: block.height, since_ms: options.now() }
    const behind = head.height - block.height
    if (behind <= unfinalBlocksMax) return []
    const since_ms = options.now() - (final?.since_ms ?? options.now())
    return [
      `finality has stopped: block ${block.height} is the newest final one, ${behind} blocks behind the head, for ${Math.round(since_ms / 1000)} s at least`,
    ]
  }

  return {
    look: async () => {
      const [chain, newest, finalized, syncing, code] = await rpc.batch([
        { method: "eth_chainId", parameters: [] },
        { method: "eth_getBlockByNumber", parameters: ["latest", false] },
        { method: "eth_getBlockByNumber", parameters: ["finalized", false] },
        { method: "eth_syncing", parameters: [] },
        ...(deployed ? [] : [{ method: "eth_getCode", parameters: [token, "latest"] } as const]),
      ])
      requireChain(chain)
      const head = readBlock(newest)
      if (head === null) throw new EvmError("garbage", `the EVM node at ${rpc.shown} has no newest block`)
      const finalBlock = finalized instanceof EvmError ? null : readBlock(finalized)
      if (!deployed) deployed = typeof code === "string" && code.length > 2
      const age_ms = options.now() - head.time_ms
      const stale = tip_age_ms_max !== null && age_ms > tip_age_ms_max
      const isSyncing = typeof syncing === "object" && syncing !== null && !(syncing instanceof EvmError)
      return {
        head,
        final_height: finalBlock === null ? null : Math.min(finalBlock.height, head.height),
        tip: { tip_height: head.height, tip_at: timestamp(head.time_ms) },
        reasons: [
          ...(isSyncing ? ["the node is still reading the chain (eth_syncing)"] : []),
          ...(stale ? [`the newest block is ${Math.round(age_ms / 1000)} s old`] : []),
          ...(deployed ? [] : [`the node has no contract at ${token}; set EURE_CONTRACT right`]),
          ...judgeFinal(finalBlock, head),
        ],
      }
    },
    reconnected: () => {
      deployed = false
    },
  }
}
