import type { ObserverHealth } from "@landfall/domain/topics/funding-observation"
import type { ChainSighting } from "@landfall/evaluators/funding/facts"
import type { WatchPlan } from "@landfall/evaluators/funding/watch-plan"
import type { WatchedAddress } from "./watch-wallet.ts"

/** How an observer of one chain stands, as `/state` shows it. */
export interface ObserverStatus {
  readonly health: ObserverHealth
  /** When it was last asked, and when it last answered; null before the first time. */
  readonly last_poll_at: string | null
  readonly last_success_at: string | null
  /** Why it is not `ok`; null when it is. */
  readonly last_error: string | null
  /** Addresses that the observer cannot watch, with its reason. */
  readonly refused_handles: { readonly [funding_handle: string]: string }
  /** Of two observers that must agree: how each of them stands, by its source. */
  readonly sides?: {
    readonly [source: string]: ObserverHealth & Pick<ObserverStatus, "last_success_at" | "last_error">
  }
}

/** Something that sees deposits on one chain. */
export interface ChainObserver {
  /** Sets the addresses to watch. */
  readonly watch: (addresses: ReadonlyArray<WatchedAddress>) => void
  /**
   * What the chain shows now. It never rejects: an observer that cannot be asked gives a sighting whose health is
   * `down` and that says nothing.
   */
  readonly poll: (plan: WatchPlan) => Promise<ChainSighting>
  readonly status: () => ObserverStatus
}
