import { LogBroken } from "@landfall/adapters/history/resume"
import { Fenced, type TransactionalPublisher } from "@landfall/adapters/kafka/publisher"
import type { Logger } from "@landfall/adapters/log/log"
import { backoffDelayMs } from "@landfall/adapters/net/backoff"
import { failpoint } from "@landfall/adapters/process/failpoint"
import type { Position } from "@landfall/domain/position"
import { timestamp } from "@landfall/domain/timestamp"
import type { Chain, FundingObservation } from "@landfall/domain/topics/funding-observation"
import { decideObservations } from "@landfall/evaluators/funding/decide-observations"
import type { ChainSighting } from "@landfall/evaluators/funding/facts"
import type { FundingPolicy } from "@landfall/evaluators/funding/policy"
import { watchPlan } from "@landfall/evaluators/funding/watch-plan"
import { createBell } from "./bell.ts"
import type { BridgeWatch } from "./bridge-watch.ts"
import type { FundingConfig } from "./funding-config.ts"
import { type HandleLists, listHandles, newHandles } from "./handles.ts"
import type { PausableObserver } from "./pause.ts"
import {
  type FundingState,
  foldPublication,
  foldTail,
  inParts,
  messagesOf,
  type Publication,
} from "./session.ts"
import type { Tail } from "./tail.ts"

export interface ManagerOptions {
  readonly observers: ReadonlyArray<PausableObserver>
  readonly bridge: BridgeWatch
  readonly publisher: TransactionalPublisher
  /** Reads the topics to their end. */
  readonly load: () => Promise<FundingState>
  readonly openTail: (position: Position) => Promise<Tail>
  readonly config: FundingConfig
  readonly pollIntervalMs: number
  readonly now: () => number
  readonly random: () => number
  readonly log: Logger
  readonly onRound?: (round: Round) => void
}

/** What one round did. */
export interface Round {
  readonly observations: ReadonlyArray<FundingObservation>
  readonly handles_issued: number
  readonly tookMs: number
}

/** The loop that looks, decides and publishes. */
export interface Manager {
  readonly state: () => FundingState
  readonly policy: () => FundingPolicy
  /** Why it decides nothing at the moment; null when it does. */
  readonly trouble: () => string | null
  readonly lastRoundAt: () => string | null
  /** Looks at everything now and resolves with what came of it; null when it cannot decide now. */
  readonly refresh: () => Promise<Round | null>
  /** Resolves when the signal aborts. Rejects when another instance has taken over, or a topic's log is broken. */
  readonly run: (signal: AbortSignal) => Promise<void>
}

/** Well below the client's queue; a first look at a wallet with a long history is published in parts. */
const publishMax = 5_000
const backoff = { base_ms: 200, cap_ms: 5_000 }

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const nothing = (): FundingState => ({ transfers: new Map(), handles: new Map(), position: {} })

/** Follows deposits for the configured accounts. It only watches: nothing here signs, sends or moves anything. */
export const createManager = (options: ManagerOptions): Manager => {
  const { observers, bridge, publisher, config, now, log } = options
  const bell = createBell()
  let publishing: ReadonlySet<string> = new Set()
  let state = nothing()
  let trouble: string | null = "the state is being loaded"
  let lastRoundAt: string | null = null
  const asked: Array<(round: Round | null) => void> = []

  const policy = (): FundingPolicy => ({
    assets: config.assets.map((asset) => ({
      ...asset,
      min_deposit_amount: bridge.minimums().get(asset.asset_id) ?? asset.min_deposit_amount,
    })),
    match_window_ms: config.match_window_ms,
  })

  // No handle is ever taken out, so that the lists hold while the number does.
  let lists: HandleLists | null = null
  const listed = (): HandleLists => {
    const { handles } = state
    if (lists === null || lists.of !== handles || lists.all.length !== handles.size)
      lists = listHandles(handles)
    return lists
  }

  const look = async (observer: PausableObserver): Promise<readonly [Chain, ChainSighting]> => {
    const { chain } = observer
    observer.watch(listed().watched.get(chain) ?? [])
    const { tip_height } = observer.status().health
    return [chain, await observer.poll(watchPlan(state.transfers.values(), chain, policy(), tip_height))]
  }

  const publish = async (publication: Publication): Promise<void> => {
    const messages = messagesOf(publication)
    if (messages.length === 0) return
    // The tail may bring them before the commit's answer is here.
    publishing = new Set(publication.observations.map((seen) => seen.funding_observation_id))
    await publisher.publish(messages)
    foldPublication(state, publication)
    publishing = new Set()
  }

  const round = async (): Promise<Round> => {
    const started_ms = now()
    const actions = newHandles(state.handles, bridge.handles(), started_ms)
    // Recorded before the look, so that the first look already watches them.
    for (const part of inParts(actions, publishMax)) await publish({ actions: part, observations: [] })
    // Taken before the look: what the bridge has credited by then is on the chains that are looked at, also when it is a
    // replacement of what was known. The other way round the look could be older than the credit by any time.
    const credits = bridge.rows()
    const chains = Object.fromEntries(await Promise.all(observers.map(look)))
    const facts = { chains, bridge: credits, handles: listed().all }
    const observations = decideObservations(state.transfers, facts, policy(), now())
    if (observations.length > 0) failpoint("after_fetch")
    for (const part of inParts(observations, publishMax)) await publish({ actions: [], observations: part })
    const done = { observations, handles_issued: actions.length, tookMs: now() - started_ms }
    lastRoundAt = timestamp(now())
    options.onRound?.(done)
    return done
  }

  const follow = async (tail: Tail, signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      const [foreign] = foldTail(state, await tail.next(), publishing)
      // Only one process publishes observations. Whoever took over fences our next publication; why wait for it?
      if (foreign !== undefined)
        throw new Fenced(
          `another instance published revision ${foreign.revision} of transfer ${foreign.transfer_id}, so it has taken over; this one must end`,
        )
    }
  }

  /** From taking the transactional id to the first failure: everything is read again before anything is decided. */
  const session = async (signal: AbortSignal): Promise<void> => {
    await publisher.open()
    publishing = new Set()
    state = await options.load()
    const tail = await options.openTail(state.position)
    const ended = new AbortController()
    const both = AbortSignal.any([signal, ended.signal])
    const following = follow(tail, both).catch((error: unknown) => {
      ended.abort(error)
    })
    log.info({ transfers: state.transfers.size, handles: state.handles.size }, "state loaded")
    try {
      while (!both.aborted) {
        const waiting = asked.splice(0)
        const started_ms = now()
        try {
          const done = await round()
          trouble = null
          for (const answer of waiting) answer(done)
        } catch (error) {
          trouble = messageOf(error)
          for (const answer of waiting) answer(null)
          throw error
        }
        if (asked.length === 0)
          await bell.wait(Math.max(0, started_ms + options.pollIntervalMs - now()), both)
      }
      if (ended.signal.aborted) throw ended.signal.reason
    } finally {
      ended.abort()
      await following
      await tail.close()
    }
  }

  return {
    state: () => state,
    policy,
    trouble: () => trouble,
    lastRoundAt: () => lastRoundAt,
    refresh: async () => {
      if (trouble !== null) return null
      await bridge.poll()
      return new Promise((resolve) => {
        asked.push(resolve)
        bell.ring()
      })
    },
    run: async (signal) => {
      let failures = 0
      while (!signal.aborted) {
        const began_ms = now()
        try {
          await session(signal)
        } catch (error) {
          for (const answer of asked.splice(0)) answer(null)
          if (error instanceof Fenced || error instanceof LogBroken) throw error
          trouble = messageOf(error)
          failures = now() - began_ms > 60_000 ? 1 : failures + 1
          const delay_ms = backoffDelayMs(failures, backoff, options.random)
          log.warn({ err: error, delay_ms }, "nothing is decided until the topics were read again")
          await bell.wait(delay_ms, signal)
        }
      }
      for (const answer of asked.splice(0)) answer(null)
      await publisher.close()
    },
  }
}
