import type { Block } from "./evm-schemas.ts"

/** The blocks up to which the chain was read, by height and hash, so that a block that left the chain is noticed. */
export interface Trail {
  /** The highest; null before anything was read. */
  readonly top: () => Block | null
  readonly add: (block: Block) => void
  /** From the lowest to the highest. */
  readonly blocks: () => ReadonlyArray<Block>
  /** Forgets what is above this height. */
  readonly cut: (height: number) => void
}

/** Blocks to remember: hours of single ones on Gnosis, and ever fewer of the older. */
const blocksMax = 2_048

export const createTrail = (max: number = blocksMax): Trail => {
  let blocks: Block[] = []
  return {
    top: () => blocks.at(-1) ?? null,
    add: (block) => {
      blocks.push(block)
      if (blocks.length <= max) return
      // Of the older half every second one goes: what is far back is found again in larger steps.
      const older = blocks.length >> 1
      blocks = blocks.filter((_, index) => index >= older || index % 2 === 0)
    },
    blocks: () => blocks,
    cut: (height) => {
      blocks = blocks.filter((block) => block.height <= height)
    },
  }
}

/**
 * The highest block of the trail that the chain still has, or null. Below a common block all are common, so it is
 * found by halving.
 */
export const forkPoint = async (
  blocks: ReadonlyArray<Block>,
  hashAt: (height: number) => Promise<string | null>,
): Promise<Block | null> => {
  let common = -1
  let lost = blocks.length
  while (lost - common > 1) {
    const middle = (common + lost) >> 1
    const block = blocks[middle]
    if (block !== undefined && (await hashAt(block.height)) === block.hash) common = middle
    else lost = middle
  }
  return blocks[common] ?? null
}
