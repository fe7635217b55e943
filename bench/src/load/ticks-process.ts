import { recordDecoder } from "@landfall/domain/codec"
import type { Topic } from "@landfall/domain/topic"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { liquidityActionTopic } from "@landfall/domain/topics/liquidity-action"
import { fold as foldEvent } from "@landfall/evaluators/alerts/evaluator"
import { tickLoad } from "@landfall/evaluators/alerts/load"
import { fold } from "@landfall/projections/fold"
import { fundingHandle } from "@landfall/projections/funding-handle"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { serveChild } from "../engine/child.ts"
import { observations, type Produced } from "../observations.ts"
import { issuedHandles } from "./handles.ts"
import { tickLife, ticksAnHour, waiting } from "./tick-life.ts"

export interface TicksOrder {
  readonly transfers: number
  readonly hours: number
}

/** One hour of ticks. */
export interface TickHour {
  readonly took_ms: number
  readonly events: number
  readonly alerts: number
  readonly looked_at: number
  /** At the end of the hour, after a collection of garbage. */
  readonly held_bytes: number
  /** The most resident memory at any of a hundred moments of the hour. */
  readonly rss_max: number
  readonly waiting: number
  readonly waiting_max: number
  readonly subjects: number
  readonly alert_keys: number
}

export interface TicksReport {
  readonly hours: ReadonlyArray<TickHour>
  /** What live objects take, on average. */
  readonly bytes_a_watched_transfer: number
  readonly bytes_a_credited_transfer: number
  readonly bytes_a_transfer_row: number
  readonly bytes_a_handle_row: number
}

const held = (): number => {
  global.gc?.()
  return process.memoryUsage().heapUsed
}

const looksAnHour = 100

const hourOf = (life: ReturnType<typeof tickLife>): TickHour => {
  const { state } = life
  let [events, alerts, looked_at, rss_max, waiting_max] = [0, 0, 0, 0, 0]
  const began_ms = performance.now()
  for (let step = 0; step < ticksAnHour; step++) {
    const done = life.step()
    events += done.events
    alerts += done.alerts
    looked_at += done.looked_at
    if (step % Math.floor(ticksAnHour / looksAnHour) !== 0) continue
    rss_max = Math.max(rss_max, process.memoryUsage.rss())
    waiting_max = Math.max(waiting_max, waiting(state))
  }
  return {
    took_ms: performance.now() - began_ms,
    events,
    alerts,
    looked_at,
    held_bytes: held(),
    rss_max,
    waiting: waiting(state),
    waiting_max,
    subjects: state.sources.reduce((sum, { subjects }) => sum + subjects.size, 0),
    alert_keys: state.alerts.size,
  }
}

/** Records as they are read from Kafka, so that they take in memory what they take in a service. */
function* decoded<Record>(topic: Topic<Record>, messages: Iterable<Produced>): Generator<Record> {
  const decode = recordDecoder(topic)
  for (const { value } of messages) {
    const read = decode(Buffer.from(value))
    if (!read.ok) throw new Error(read.reason)
    yield read.record
  }
}

/** What live objects take for each of so many things that `make` leaves behind. */
const bytesEach = (count: number, make: () => unknown): number => {
  const before = held()
  const kept = make()
  const after = held()
  if (kept === null) throw new Error("nothing was kept") // it must live until here
  return (after - before) / count
}

const measured = 20_000
const observationsEach = 8

/** Transfers that were credited long ago, as the evaluator keeps them. */
const creditedInEvaluator = (): unknown => {
  const { state } = tickLoad(0, 0)
  let offset = 0
  for (const record of decoded(fundingObservationTopic, observations(measured * observationsEach)))
    foldEvent(state, {
      topic: fundingObservationTopic.name,
      partition: 0,
      offset: offset++,
      kafka_ms: Date.parse(record.last_seen_at),
      record,
    })
  return state
}

serveChild(async ({ transfers, hours }: TicksOrder): Promise<TicksReport> => {
  const rows = {
    bytes_a_credited_transfer: bytesEach(measured, creditedInEvaluator),
    bytes_a_transfer_row: bytesEach(measured, () =>
      fold(fundingTransfer, decoded(fundingObservationTopic, observations(measured * observationsEach))),
    ),
    bytes_a_handle_row: bytesEach(measured, () =>
      fold(fundingHandle, decoded(liquidityActionTopic, issuedHandles(measured))),
    ),
  }
  const before = held()
  const life = tickLife(transfers)
  const bytes_a_watched_transfer = (held() - before) / transfers
  return {
    ...rows,
    bytes_a_watched_transfer,
    hours: Array.from({ length: hours }, () => hourOf(life)),
  }
})
