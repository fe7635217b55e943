import { VerifierFailed } from "./verifier-failed.ts"

/** Sees to it that answers come from blocks that advance. */
export interface BlockWatch {
  /** Throws a `VerifierFailed` (`stale`) for an answer that is older news than one before it. */
  readonly check: (block_height: number, now_ms: number) => void
}

/**
 * A node that is behind, or that stands still, answers promptly and wrongly: its balances are of the past. A balance
 * of the past must not be published as of now.
 */
export const createBlockWatch = (limits: { readonly stands_ms_max: number }): BlockWatch => {
  let highest = -1
  let advanced_ms = 0
  return {
    check: (block_height, now_ms) => {
      if (block_height > highest) {
        highest = block_height
        advanced_ms = now_ms
        return
      }
      if (block_height < highest)
        throw new VerifierFailed(
          "stale",
          `the answer is of block ${block_height}, but block ${highest} was seen before: this node is behind`,
        )
      const stands_ms = now_ms - advanced_ms
      if (stands_ms > limits.stands_ms_max)
        throw new VerifierFailed(
          "stale",
          `block ${block_height} has been the newest for ${Math.round(stands_ms / 1000)} s: this node stands still`,
        )
    },
  }
}
