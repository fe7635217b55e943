import type { ChainObserver, ObserverStatus } from "@landfall/adapters/chain/observer"
import type { Chain } from "@landfall/domain/topics/funding-observation"
import type { ChainSighting } from "@landfall/evaluators/funding/facts"
import type { WatchPlan } from "@landfall/evaluators/funding/watch-plan"

/** An observer that an operator can pause; paused, it is not asked and says nothing. */
export interface PausableObserver {
  readonly chain: Chain
  readonly watch: ChainObserver["watch"]
  readonly poll: (plan: WatchPlan) => Promise<ChainSighting>
  readonly status: () => ObserverStatus & { readonly paused: boolean }
  readonly pause: () => void
  readonly resume: () => void
}

/** Makes an observer pausable. A pause lasts until it is resumed or the process ends. */
export const pausable = (
  chain: Chain,
  source: ChainSighting["source"],
  observer: ChainObserver,
): PausableObserver => {
  let paused = false
  const status = (): ObserverStatus & { readonly paused: boolean } => {
    const now = observer.status()
    return paused ? { ...now, paused, health: { ...now.health, state: "paused" } } : { ...now, paused }
  }
  return {
    chain,
    watch: observer.watch,
    poll: async (plan) => {
      const sighting = paused ? null : await observer.poll(plan)
      // Paused while it was being asked: then what it says comes too late.
      if (sighting !== null && !paused) return sighting
      return { source, health: status().health, outputs: [], gone: [], complete: false }
    },
    status,
    pause: () => {
      paused = true
    },
    resume: () => {
      paused = false
    },
  }
}
