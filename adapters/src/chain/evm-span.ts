import { RequestFailed } from "../net/request-failed.ts"
import { EvmError } from "./evm-rpc.ts"

/** How much is asked for at once: as much as the node answers. */
export interface Span {
  /** Asks for at most so much, and for less when that is too much for the node. */
  readonly ask: <Result>(question: (size: number) => Promise<Result>) => Promise<Result>
}

export const createSpan = (max: number): Span => {
  let size = max
  let threshold = max
  return {
    ask: async (question) => {
      for (;;) {
        try {
          const result = await question(size)
          // It grows fast up to half of what was too much, and carefully from there on.
          size = Math.min(max, size * 2 <= threshold ? size * 2 : size + Math.max(1, size >> 3))
          return result
        } catch (error) {
          if (!isTooMuch(error) || size === 1) throw error
          threshold = size >> 1
          size = Math.max(1, size >> 2)
        }
      }
    },
  }
}

/** What nodes and the proxies before them say to a question that takes too long or gives too much. */
const tooMuchStatuses: ReadonlySet<number | null> = new Set([413, 500, 502, 504])

/** Whether a smaller question may be answered. Most nodes say what they limit in words of their own. */
const isTooMuch = (error: unknown): boolean => {
  if (error instanceof EvmError) return error.failure === "refused"
  if (!(error instanceof RequestFailed)) return false
  return (
    error.reason === "too_large" ||
    error.reason === "timeout" ||
    (error.reason === "status" && tooMuchStatuses.has(error.status))
  )
}
