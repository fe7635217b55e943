import type { EvmReader } from "./evm-reader.ts"
import { EvmError } from "./evm-rpc.ts"
import type { Block } from "./evm-schemas.ts"
import { createSpan } from "./evm-span.ts"
import type { TokenTransfer } from "./evm-transfers.ts"

export interface ReadingOptions {
  readonly reader: EvmReader
  /** Gets what was found, block by block or several at once. */
  readonly found: (blocks: ReadonlyArray<Block>, transfers: ReadonlyArray<TokenTransfer>) => void
  /** No transfer of the token is older. */
  readonly first_block: number
  /** Blocks of history in one search; smaller when the node will not take it. */
  readonly span_blocks_max?: number
}

/** Reads parts of a chain, each no larger than the node takes. */
export interface Reading {
  /** Blocks that must be there, because the chain is longer. */
  readonly present: (heights: ReadonlyArray<number>) => Promise<ReadonlyArray<Block>>
  /** Reads a part of final history, which goes on from `parent` where that is known, and gives its last block. */
  readonly history: (
    from: number,
    to: number,
    addresses: ReadonlySet<string>,
    parent: Block | null,
  ) => Promise<Block>
  /** Reads the next blocks, which may still change; null when they are not the children of the last. */
  readonly fresh: (last: Block, to: number) => Promise<ReadonlyArray<Block> | null>
  /** The first block that is not older than this time; for null, the first that can matter. */
  readonly since: (since_ms: number | null, to: number) => Promise<number>
}

/** Blocks that are not final are read one by one, by their hashes, so many in a request. */
export const freshBlocksMax = 32
const spanMax = 10_000

export const createReading = ({ reader, found, first_block, span_blocks_max }: ReadingOptions): Reading => {
  const searches = createSpan(span_blocks_max ?? spanMax)
  const blocks = createSpan(freshBlocksMax)

  const present = async (heights: ReadonlyArray<number>): Promise<ReadonlyArray<Block>> =>
    (await reader.blocksAt(heights)).map((block, index) => {
      if (block === null)
        throw new EvmError("garbage", `the node has no block ${heights[index]}, though its chain is longer`)
      return block
    })

  return {
    present,
    history: (from, to, addresses, parent) =>
      searches.ask(async (size) => {
        const { heights, last } = await reader.search(from, Math.min(to, from + size - 1), addresses, parent)
        for (let at = 0; at < heights.length; at += freshBlocksMax) {
          const hits = await present(heights.slice(at, at + freshBlocksMax))
          found(hits, await reader.transfersOf(hits))
        }
        return last
      }),
    fresh: (last, to) =>
      blocks.ask(async (size) => {
        const count = Math.min(size, to - last.height)
        const next = await present(Array.from({ length: count }, (_, index) => last.height + 1 + index))
        let parent = last
        for (const block of next) {
          if (block.parent_hash !== parent.hash) return null
          parent = block
        }
        found(next, await reader.transfersOf(next))
        return next
      }),
    since: async (since_ms, to) => {
      // A chain that is shorter than that is another one, made for a test.
      let low = first_block <= to ? first_block : 0
      if (since_ms === null) return low
      for (let high = to; low < high; ) {
        const middle = (low + high) >> 1
        const [block] = await present([middle])
        if (block !== undefined && block.time_ms < since_ms) low = middle + 1
        else high = middle
      }
      return low
    },
  }
}
