import type { ExpectedOutput } from "@landfall/evaluators/funding/watch-plan"
import type { AddressReading } from "./esplora-address.ts"
import type { AddressRecord } from "./esplora-book.ts"

/** A block that is known by its height and hash. */
interface Place {
  readonly height: number
  readonly hash: string
}

/** What a round began with: the height of the tip, and the newest blocks' hashes by height. */
export interface ChainBegun {
  readonly tip_height: number
  readonly recent: ReadonlyMap<number, string>
}

/** Whether a block is in that chain, or above it: one that was seen above a tip shows that the tip is old. */
const holds = ({ tip_height, recent }: ChainBegun, { height, hash }: Place): boolean =>
  height > tip_height || recent.get(height) === hash

/** The blocks in which transactions were recorded to be, of those that are in the newest part of the chain. */
export const placesIn = (
  expected: Iterable<ExpectedOutput>,
  chain: ChainBegun,
): ReadonlyMap<string, Place> => {
  const places = new Map<string, Place>()
  for (const { tx_hash, block_height: height, block_hash: hash } of expected)
    if (height !== undefined && hash !== undefined && holds(chain, { height, hash }))
      places.set(tx_hash, { height, hash })
  return places
}

/**
 * Whether a reading lacks in a block what is known or recorded to be there, though that block is in the chain which the
 * round began with. Then another server gave it, which is behind, and nothing of it counts.
 */
export const deniesChain = (
  reading: AddressReading,
  record: AddressRecord,
  chain: ChainBegun & {
    readonly recorded: ReadonlyMap<string, Place>
    /** What is no higher was not read again. */
    readonly final_below: number
  },
): boolean => {
  const isUnmined = (txid: string): boolean => (reading.transactions.get(txid)?.block ?? null) === null
  if (reading.whole)
    for (const [txid, { block }] of record.transactions) {
      const wasAsked = block !== null && block.height > chain.final_below
      if (wasAsked && holds(chain, block) && isUnmined(txid)) return true
    }
  for (const txid of reading.transactions.keys()) if (chain.recorded.has(txid) && isUnmined(txid)) return true
  return false
}
