import { type Position, reached } from "@landfall/domain/position"
import { type AnyTopic, topicByName, topics } from "@landfall/domain/registry"
import { type Alert, alertTopic } from "@landfall/domain/topics/alert"
import { decisionsOf, type Replay, replaySteps } from "@landfall/evaluators/alerts/replay"
import { recordedPolicies } from "../alerts/policy-store.ts"
import { readCheckpoints } from "../history/checkpoint.ts"
import type { Transaction } from "../postgres/transaction.ts"
import {
  type EventCursor,
  eventCursor,
  evidenceEvents,
  type OpenEvents,
  topicEvents,
} from "./event-cursor.ts"
import { type Extent, ReplayRefused } from "./range.ts"
import { type TopicSource, topicExtents } from "./read-topic.ts"

/** Where a recorded transition stands. */
export interface AlertPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** Every recorded decision, made again. */
export interface AlertReplay extends Replay {
  readonly decisions: number
  /** Recorded transitions whose cut reaches beyond what was read here: they can be decided again once that is. */
  readonly waiting: number
  /** Events that were folded again, the alerts' own among them. */
  readonly events: number
  readonly position: Position
  /** Where each recorded transition stands, by its id. */
  readonly places: ReadonlyMap<string, AlertPlace>
}

export interface AlertReplayOptions {
  /** Told now and then how many events were read. */
  readonly onProgress?: (done: number, total: number | null) => void
  readonly signal?: AbortSignal
}

/** What is read again: how far it reaches, and how a partition of it is opened. */
interface Source {
  readonly position: Position
  readonly open: (topic: AnyTopic, partition: number) => OpenEvents
}

const positionOf = (extents: ReadonlyMap<string, ReadonlyArray<Extent>>): Position =>
  Object.fromEntries(
    [...extents].map(([topic, ofTopic]) => [
      topic,
      Object.fromEntries(ofTopic.map(({ partition, end }) => [String(partition), end])),
    ]),
  )

const evidenceSource = async (transaction: Transaction): Promise<Source> => {
  const checkpoints = await readCheckpoints(transaction)
  const extents = Map.groupBy(
    checkpoints.map(({ topic, partition, firstOffset, nextOffset }) => ({
      topic,
      partition,
      first: firstOffset,
      end: nextOffset,
    })),
    ({ topic }) => topic,
  )
  return {
    position: positionOf(extents),
    open: (topic, partition) => evidenceEvents(transaction, topic, partition),
  }
}

const topicsSource = async (source: TopicSource): Promise<Source> => {
  const extents = new Map<string, ReadonlyArray<Extent>>()
  for (const { name } of topics) extents.set(name, await topicExtents(source.admin, name))
  const position = positionOf(extents)
  return {
    position,
    open: (topic, partition) =>
      topicEvents(source, topic, partition, position[topic.name]?.[String(partition)] ?? 0),
  }
}

const requireTopic = (name: string): AnyTopic => {
  const topic = topicByName(name)
  if (topic === undefined)
    throw new ReplayRefused(`a recorded alert was decided from ${name}, which this program does not know`)
  return topic
}

/**
 * Makes every recorded alert decision again from the evidence, or from Kafka's topics where a source is given, each at its
 * own cut and under its own policy, and compares the bytes. Memory holds the rows of the rules, a page of events a
 * partition, and the transitions; never the events.
 */
export const replayRecordedAlerts = async (
  transaction: Transaction,
  topicSource: TopicSource | null,
  { onProgress, signal }: AlertReplayOptions = {},
): Promise<AlertReplay> => {
  const source = topicSource === null ? await evidenceSource(transaction) : await topicsSource(topicSource)
  const policies = await recordedPolicies(transaction)
  const { position } = source
  let events = 0
  const count = (more: number): void => {
    signal?.throwIfAborted()
    events += more
    onProgress?.(events, null)
  }

  const { recorded, waiting, places } = await readTransitions(source, count)
  const steps = replaySteps(recorded, { policies })
  let open = { topic: "", cursors: new Map<number, EventCursor>() }
  const closeAll = async (): Promise<void> => {
    for (const cursor of open.cursors.values()) await cursor.close()
  }
  try {
    let step = steps.next()
    while (!step.done) {
      const { topic, partition, from, to } = step.value
      if (open.topic !== topic) {
        await closeAll()
        open = { topic, cursors: new Map() }
      }
      const cursor = open.cursors.get(partition) ?? eventCursor(source.open(requireTopic(topic), partition))
      open.cursors.set(partition, cursor)
      const page = await cursor.take(from, to)
      count(page.length)
      step = steps.next(page)
    }
    const decisions = decisionsOf(recorded).length
    return { ...step.value, decisions, waiting, events, position, places }
  } finally {
    await closeAll()
  }
}

/** The recorded transitions, those apart whose cut was not read here yet. */
const readTransitions = async (source: Source, count: (events: number) => void) => {
  const recorded: Alert[] = []
  const places = new Map<string, AlertPlace>()
  let waiting = 0
  for (const [name, end] of Object.entries(source.position[alertTopic.name] ?? {})) {
    const partition = Number(name)
    const cursor = eventCursor(source.open(alertTopic, partition))
    for (let next = 0; ; ) {
      const page = await cursor.take(next, end)
      const last = page.at(-1)
      if (last === undefined) break
      count(page.length)
      for (const { offset, record } of page) {
        const alert = record as Alert
        if (!reached(source.position, alert.details.cut)) waiting++
        else if (!places.has(alert.alert_event_id)) {
          places.set(alert.alert_event_id, { topic: alertTopic.name, partition, offset })
          recorded.push(alert)
        }
      }
      next = last.offset + 1
    }
    await cursor.close()
  }
  return { recorded, waiting, places }
}
