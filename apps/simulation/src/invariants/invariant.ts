import type { Plan } from "../plan.ts"
import type { QuietTick } from "../services/ops-sentinel.ts"
import type { SimulatedBridge } from "../world/bridge.ts"
import type { SimulatedChain } from "../world/chain.ts"
import type { SimulatedKafka } from "../world/kafka.ts"
import type { SimulatedPostgres } from "../world/postgres.ts"

/** The world at the end of a seed, to be held against the invariants. */
export interface EndedWorld {
  readonly plan: Plan
  readonly kafka: SimulatedKafka
  readonly postgres: SimulatedPostgres
  readonly bitcoin: SimulatedChain
  readonly gnosis: SimulatedChain
  readonly bridge: SimulatedBridge
  readonly start_ms: number
  readonly healed_ms: number
  readonly quietTicks: ReadonlyArray<QuietTick>
  /** The instant that each tick went by, and when it ended. */
  readonly ticks: ReadonlyArray<{ readonly tick_ms: number; readonly ended_ms: number }>
}

/** Something that must hold after every seed; it tells what does not, one sentence each. */
export type Invariant = (world: EndedWorld) => Iterable<string>
