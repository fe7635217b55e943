import type { ChainObserver } from "@landfall/adapters/chain/observer"
import type { OutgoingMessage, TransactionalPublisher } from "@landfall/adapters/kafka/publisher"
import { createLog } from "@landfall/adapters/log/log"
import { amount } from "@landfall/domain/amount"
import { recordDecoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { type LiquidityAction, liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import type { BridgeDeposit, ChainSighting, SeenOutput } from "@landfall/evaluators/funding/facts"
import { fold } from "@landfall/projections/fold"
import { fundingHandle } from "@landfall/projections/funding-handle"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import type { BridgeWatch } from "../src/bridge-watch.ts"
import { deskConfig } from "../src/funding-config.ts"
import type { NamedHandle } from "../src/handles.ts"
import { createManager, type Round } from "../src/manager.ts"
import { pausable } from "../src/pause.ts"

export const address = "bcrt1qdesk"
export const start_ms = Date.parse("2026-11-23T09:00:00.000Z")

export const named: NamedHandle = {
  account_id: "desk.near",
  asset_id: "BTC",
  chain: "bitcoin",
  funding_handle: address,
}

export const output = (changes: Partial<SeenOutput> = {}): SeenOutput => ({
  tx_hash: "aa".repeat(32),
  output_index: 0,
  funding_handle: address,
  amount: amount(50_000n),
  confirmations: 0,
  in_mempool: true,
  ...changes,
})

const decodeAction = recordDecoder(liquidityActionTopic)
const decodeObservation = recordDecoder(fundingObservationTopic)

/** Topics in memory: what was committed, and what becomes of the next publication. */
export const givenTopics = () => {
  const committed: OutgoingMessage[] = []
  const batches: Array<ReadonlyArray<OutgoingMessage>> = []
  let next: "commit" | "commit and fail" | "fail" | Error = "commit"
  const records = <Record>(topic: string, decode: (bytes: Uint8Array) => { ok: boolean; record?: Record }) =>
    committed
      .filter((message) => message.topic === topic)
      .flatMap(({ value }) => decode(new TextEncoder().encode(value)).record ?? [])
  const actions = (): ReadonlyArray<LiquidityAction> => records(liquidityActionTopic.name, decodeAction)
  const observations = (): ReadonlyArray<FundingObservation> =>
    records(fundingObservationTopic.name, decodeObservation)
  let opened = 0
  const publisher: TransactionalPublisher = {
    open: async () => {
      opened++
    },
    publish: async (messages) => {
      const what = next
      next = "commit"
      if (what instanceof Error) throw what
      if (what !== "fail") {
        committed.push(...messages)
        batches.push(messages)
      }
      if (what !== "commit") throw new Error("the answer was lost")
    },
    close: async () => {},
  }
  return {
    publisher,
    batches,
    actions,
    observations,
    opened: () => opened,
    failNext: (how: typeof next) => {
      next = how
    },
    load: async () => ({
      transfers: fold(fundingTransfer, observations()),
      handles: fold(fundingHandle, actions()),
      position: { [fundingObservationTopic.name]: { "0": committed.length } },
    }),
  }
}

/** A manager with an observer, a bridge and topics in memory. Rounds are made by asking for them. */
export const givenManager = async (topics = givenTopics()) => {
  const facts = {
    outputs: [] as ReadonlyArray<SeenOutput>,
    state: "ok" as ChainSighting["health"]["state"],
    rows: [] as ReadonlyArray<BridgeDeposit>,
    handles: [named] as ReadonlyArray<NamedHandle>,
    /** Called while the chain is being asked, after what it answers was taken. */
    meanwhile: () => {},
  }
  const watched: string[][] = []
  const health = () => ({ state: facts.state, tip_height: 100, tip_at: timestamp(start_ms - 60_000) })
  const observer: ChainObserver = {
    watch: (addresses) => {
      watched.push(addresses.map((known) => known.address))
    },
    poll: async () => {
      const seen: ChainSighting = {
        source: "bitcoind",
        health: health(),
        outputs: facts.outputs,
        gone: [],
        complete: false,
      }
      facts.meanwhile()
      return seen
    },
    status: () => ({
      health: health(),
      last_poll_at: null,
      last_success_at: null,
      last_error: null,
      refused_handles: {},
    }),
  }
  const bridge: BridgeWatch = {
    rows: () => facts.rows,
    handles: () => facts.handles,
    minimums: () => new Map(),
    status: () => ({
      healthy: true,
      last_poll_at: null,
      last_success_at: null,
      last_error: null,
      unreadable_rows: [],
    }),
    poll: async () => {},
    run: async () => {},
  }
  const observers = [pausable("bitcoin", "bitcoind", observer)]
  const rounds: Round[] = []
  const tailed: FundingObservation[] = []
  let taken = Promise.withResolvers<void>()
  const first = Promise.withResolvers<void>()
  const ending = new AbortController()
  const manager = createManager({
    observers,
    bridge,
    publisher: topics.publisher,
    load: topics.load,
    openTail: async () => ({
      next: async () => {
        const records = tailed.splice(0)
        // What was given out at the call before is folded by now.
        taken.resolve()
        taken = Promise.withResolvers()
        if (records.length === 0) await new Promise((resolve) => setTimeout(resolve, 2))
        return records.map((record, index) => ({
          topic: fundingObservationTopic.name,
          partition: 0,
          next: index + 1,
          record,
        }))
      },
      close: async () => {},
    }),
    config: deskConfig,
    pollIntervalMs: 3_600_000,
    now: () => start_ms + rounds.length * 1000,
    random: () => 0,
    log: createLog({ name: "test", level: "silent" }),
    onRound: (round) => {
      rounds.push(round)
      first.resolve()
    },
  })
  const done = manager.run(ending.signal)
  await Promise.race([first.promise, done])
  return {
    manager,
    bridge,
    observers,
    topics,
    facts,
    watched,
    done,
    /** Brings an observation through the tail, and resolves when it was folded. */
    tail: async (observation: FundingObservation) => {
      tailed.push(observation)
      await taken.promise
      await taken.promise
    },
    stop: async () => {
      ending.abort()
      await done
    },
  }
}
