import type { GoneOutput, SeenOutput } from "@landfall/evaluators/funding/facts"
import type { ExpectedOutput } from "@landfall/evaluators/funding/watch-plan"
import type { Block } from "./evm-schemas.ts"
import type { TokenTransfer } from "./evm-transfers.ts"

/** What is known of one transfer to a watched address. */
interface Held {
  readonly transfer: TokenTransfer
  readonly funding_handle: string
  readonly time_ms: number
  /** How often it was listed as final by an observer that was `ok`. */
  told: number
}

/** Which of the outputs are on the chain, which were and are to be looked for, and which are gone. */
export interface HeldOutputs {
  readonly take: (block: Block, transfer: TokenTransfer, funding_handle: string) => void
  /** Everything above this height is in doubt: its blocks left the chain. */
  readonly doubt: (height: number) => void
  readonly has: (output: GoneOutput) => boolean
  /** Outputs in doubt, and expected ones that were not found. */
  readonly missing: (expected: Iterable<ExpectedOutput>) => ReadonlyArray<GoneOutput>
  readonly declareGone: (output: GoneOutput) => void
  /** An output that is on the chain, though not to a watched address: it is not asked about again. */
  readonly notOurs: (output: GoneOutput) => void
  /** What is gone, each so many times; for an observer that is `ok`. */
  readonly gone: () => ReadonlyArray<GoneOutput>
  readonly list: (at: {
    readonly tip: number
    readonly final: number
    readonly ok: boolean
  }) => ReadonlyArray<SeenOutput>
}

/**
 * A final transfer is listed for an hour of blocks, and so many times, before it is no longer repeated, and a gone one
 * so many times: a decision that could not be published is made again by then.
 */
const keptBlocks = 720
const toldMin = 20
/** Gone outputs that are remembered, so that they are not asked about again; the oldest are dropped beyond this. */
const goneMax = 10_000

export const outputKey = ({ tx_hash, output_index }: GoneOutput): string => `${tx_hash}:${output_index}`

export const heldOutputs = (token: string): HeldOutputs => {
  const held = new Map<string, Held>()
  const doubted = new Map<string, GoneOutput>()
  const gone = new Map<string, { readonly output: GoneOutput; told: number }>()
  const foreign = new Set<string>()

  return {
    take: (block, transfer, funding_handle) => {
      const key = outputKey({ tx_hash: transfer.tx_hash, output_index: transfer.nth })
      doubted.delete(key)
      gone.delete(key)
      held.set(key, { transfer, funding_handle, time_ms: block.time_ms, told: 0 })
    },
    doubt: (height) => {
      for (const [key, { transfer }] of held) {
        if (transfer.block_height <= height) continue
        held.delete(key)
        doubted.set(key, { tx_hash: transfer.tx_hash, output_index: transfer.nth })
      }
      foreign.clear()
    },
    has: (output) => held.has(outputKey(output)),
    missing: (expected) => {
      const found = new Map(doubted)
      for (const { tx_hash, output_index } of expected) {
        const key = outputKey({ tx_hash, output_index })
        if (!held.has(key) && !gone.has(key) && !foreign.has(key)) found.set(key, { tx_hash, output_index })
      }
      return [...found.values()]
    },
    declareGone: (output) => {
      doubted.delete(outputKey(output))
      gone.set(outputKey(output), { output, told: 0 })
      const [oldest] = gone.keys()
      if (gone.size > goneMax && oldest !== undefined) gone.delete(oldest)
    },
    notOurs: (output) => {
      doubted.delete(outputKey(output))
      foreign.add(outputKey(output))
    },
    gone: () => {
      const untold = [...gone.values()].filter(({ told }) => told < toldMin)
      for (const entry of untold) entry.told++
      return untold.map(({ output }) => output)
    },
    list: ({ tip, final, ok }) =>
      Array.from(held, ([key, entry]) => {
        const { transfer, funding_handle, time_ms } = entry
        const isFinal = transfer.block_height <= final
        if (isFinal && ok) entry.told++
        if (entry.told >= toldMin && transfer.block_height + keptBlocks < final) held.delete(key)
        return {
          tx_hash: transfer.tx_hash,
          output_index: transfer.nth,
          funding_handle,
          token,
          amount: transfer.amount,
          confirmations: Math.max(1, tip - transfer.block_height + 1),
          final: isFinal,
          block_hash: transfer.block_hash,
          block_height: transfer.block_height,
          chain_time_ms: time_ms,
        }
      }),
  }
}
