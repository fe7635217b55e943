import { setTimeout as sleep } from "node:timers/promises"
import type { ObserverHealth } from "@landfall/domain/topics/funding-observation"
import type { ChainSighting } from "@landfall/evaluators/funding/facts"
import type { WatchPlan } from "@landfall/evaluators/funding/watch-plan"
import { mergeSightings } from "./both-merge.ts"
import type { ChainObserver, ObserverStatus } from "./observer.ts"

export interface BothObserversOptions {
  readonly now: () => number
  /** A poll waits no longer than this for the slower of the two; its answer then serves the next poll. */
  readonly wait_ms?: number
  /** An answer older than this says nothing any more. */
  readonly age_ms_max?: number
}

/** The faster one shall not wait for a public server far away. */
const waitMs = 1_000
const ageMsMax = 60_000

/** One of the two, and what it said last. */
interface Side {
  readonly source: ChainSighting["source"]
  readonly observer: ChainObserver
  pending: Promise<void> | null
  said: ChainSighting | null
  said_ms: number
  /** The poll in which it was asked for that. */
  said_in: number
}

/**
 * Two observers of one chain as one. A deposit is seen as soon as one of them sees it; it is gone when both say so.
 * When one of them is not `ok`, the two together are `lagging`, so that nothing is taken back meanwhile.
 */
export const bothObservers = (
  first: Pick<Side, "source" | "observer">,
  second: Pick<Side, "source" | "observer">,
  options: BothObserversOptions,
): ChainObserver => {
  const { now } = options
  const wait_ms = options.wait_ms ?? waitMs
  const age_ms_max = options.age_ms_max ?? ageMsMax
  const left: Side = { ...first, pending: null, said: null, said_ms: 0, said_in: 0 }
  const right: Side = { ...second, pending: null, said: null, said_ms: 0, said_in: 0 }
  let named: ReadonlyMap<string, string> = new Map()
  let health: ObserverHealth = { state: "down", tip_height: null, tip_at: null }
  let reason: string | null = null
  let polls = 0

  const ask = (side: Side, plan: WatchPlan): Promise<void> => {
    const asked_in = polls
    side.pending ??= side.observer.poll(plan).then((sighting) => {
      side.said = sighting
      side.said_ms = now()
      side.said_in = asked_in
      side.pending = null
    })
    return side.pending
  }

  const isLate = (side: Side): boolean => side.said === null || now() - side.said_ms > age_ms_max

  const wordOf = (side: Side): ChainSighting => {
    // What was asked for earlier does not know what was recorded since, so that what it lacks means nothing.
    if (side.said !== null && !isLate(side))
      return side.said_in === polls ? side.said : { ...side.said, complete: false }
    const { health: last } = side.observer.status()
    return {
      source: side.source,
      health: { ...last, state: "down" },
      outputs: [],
      gone: [],
      complete: false,
    }
  }

  const troubleOf = (side: Side): ReadonlyArray<string> => {
    const { last_error } = side.observer.status()
    if (last_error !== null) return [`${side.source}: ${last_error}`]
    return isLate(side) ? [`${side.source}: has not answered for more than ${age_ms_max} ms`] : []
  }

  return {
    watch: (addresses) => {
      left.observer.watch(addresses)
      right.observer.watch(addresses)
    },
    poll: async (plan) => {
      polls++
      const waiting = new AbortController()
      const late = sleep(wait_ms, undefined, { ref: false, signal: waiting.signal }).catch(() => {})
      await Promise.race([Promise.all([ask(left, plan), ask(right, plan)]), late])
      waiting.abort()
      const merged = mergeSightings({ first: wordOf(left), second: wordOf(right), plan, named })
      named = merged.named
      reason = merged.reason
      health = merged.sighting.health
      return merged.sighting
    },
    status: () => {
      const statuses = [left.observer.status(), right.observer.status()]
      const troubles = [...troubleOf(left), ...troubleOf(right), ...(reason === null ? [] : [reason])]
      return {
        health,
        last_poll_at: newest(statuses.map((status) => status.last_poll_at)),
        last_success_at: newest(statuses.map((status) => status.last_success_at)),
        last_error: troubles.length === 0 ? null : troubles.join("; "),
        refused_handles: refusals(left, right),
        sides: Object.fromEntries([left, right].map((side) => [side.source, standingOf(side)])),
      }
    },
  }
}

/** How one of the two stands by itself. */
const standingOf = ({ observer }: Side) => {
  const { health, last_success_at, last_error } = observer.status()
  return { ...health, last_success_at, last_error }
}

const newest = (times: ReadonlyArray<string | null>): string | null =>
  times
    .flatMap((time) => time ?? [])
    .toSorted()
    .at(-1) ?? null

/** What one of the two refuses, the other may still watch; the reason says which it was. */
const refusals = (...sides: ReadonlyArray<Side>): ObserverStatus["refused_handles"] => {
  const refused = new Map<string, string>()
  for (const { source, observer } of sides)
    for (const [address, why] of Object.entries(observer.status().refused_handles))
      refused.set(address, [refused.get(address) ?? [], `${source}: ${why}`].flat().join("; "))
  return Object.fromEntries(refused)
}
