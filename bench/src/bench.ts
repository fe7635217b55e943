import type { Section } from "./report/section.ts"
import type { BenchName, Sizes } from "./settings.ts"

/** What a benchmark is given. */
export interface BenchContext {
  /** Which of the benchmarks that it covers are wanted. */
  readonly names: ReadonlyArray<BenchName>
  readonly sizes: Sizes
  /** A folder of its own, empty. */
  readonly folder: string
  /** Tells the terminal how far it is. */
  readonly say: (line: string) => void
  /** Ends, last first, whatever was started. */
  readonly stack: AsyncDisposableStack
}

/** One benchmark, or several that share their parts and alternate with each other. */
export interface Bench {
  readonly covers: ReadonlyArray<BenchName>
  /** It is ended when it takes longer than this, set-up of its parts and peers included. */
  readonly limit_s: number
  readonly run: (context: BenchContext) => Promise<ReadonlyArray<Section>>
}
