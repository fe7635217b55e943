import type { Position } from "@landfall/domain/position"
import type { Rows } from "@landfall/projections/fold"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import { readCheckpoints } from "../history/checkpoint.ts"
import { readEvidence } from "../history/evidence-source.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { foldHere, recordFolder } from "./folding.ts"
import { type Extent, positionOf, type ReplayRange, ReplayRefused, stretchesOf } from "./range.ts"
import { readTopic, type TopicSource, topicExtents } from "./read-topic.ts"
import { foldInWorker } from "./worker-folding.ts"

/** The state of a projection, made anew. */
export interface Replayed {
  readonly rows: Rows<unknown>
  /** How far it was folded: the next offset of each partition of the projection's topic. */
  readonly position: Position
  readonly events: number
  /** Messages that were not folded: they are no record of the topic. The history writer keeps them as dead letters. */
  readonly unreadable: number
}

/** What a replay takes beside its source. */
export interface ReplayOptions {
  readonly range?: ReplayRange
  /** Told now and then how far it is, in offsets. */
  readonly onProgress?: (done: number, total: number) => void
  readonly signal?: AbortSignal
  /** Messages of the topic that are not to be folded, by partition and offset: see {@link setAside}. */
  readonly skip?: (partition: number, offset: number) => boolean
}

const everything: ReplayRange = { start: null, end: null }

const progressOf = (
  stretches: ReadonlyArray<{ readonly start: number; readonly end: number }>,
  onProgress: ReplayOptions["onProgress"],
) => {
  const total = stretches.reduce((sum, { start, end }) => sum + end - start, 0)
  let done = 0
  return (more: number): void => {
    done += more
    onProgress?.(done, total)
  }
}

/**
 * Folds the projection's topic from Kafka into memory: the rows and a fixed buffer, whatever the topic's length. Throws
 * {@link ReplayRefused} for a position that Kafka does not have.
 */
export const replayTopics = async (
  source: TopicSource,
  projection: AnyProjection,
  { range = everything, onProgress, signal, skip }: ReplayOptions = {},
): Promise<Replayed> => {
  const { topic } = projection
  const stretches = stretchesOf(topic.name, await topicExtents(source.admin, topic.name), range, "Kafka")
  const progress = progressOf(stretches, onProgress)
  const folding = foldingOf(projection, stretches)
  try {
    for await (const portion of readTopic(source, topic.name, stretches, signal)) {
      const wanted = skip === undefined ? portion : portion.filter((one) => !skip(one.partition, one.offset))
      await folding.add(wanted.map(({ value }) => value))
      progress(portion.length)
    }
    await folding.done()
    progress(0)
    return { ...(await folding.result()), position: positionOf(topic.name, stretches) }
  } finally {
    await folding.close()
  }
}

/** Fewer are folded before a thread has started. */
const workerOffsetsFrom = 50_000

const foldingOf = (
  projection: AnyProjection,
  stretches: ReadonlyArray<{ readonly start: number; readonly end: number }>,
) => {
  const offsets = stretches.reduce((sum, { start, end }) => sum + end - start, 0)
  // A thread of its own finds the projection in the registry: code cannot be handed over.
  return offsets >= workerOffsetsFrom && projections.includes(projection)
    ? foldInWorker(projection)
    : foldHere(projection)
}

/** The offsets of which the evidence tells: from the first that was ever read up to the checkpoint. */
const evidenceExtents = async (transaction: Transaction, topic: string): Promise<ReadonlyArray<Extent>> =>
  (await readCheckpoints(transaction))
    .filter((checkpoint) => checkpoint.topic === topic)
    .map(({ partition, firstOffset, nextOffset }) => ({ partition, first: firstOffset, end: nextOffset }))

/**
 * Folds the evidence of the projection's topic into memory, within the given transaction: the rows and a page of events.
 * Throws {@link ReplayRefused} for a position that the evidence does not have, and for evidence that today's schema refuses.
 */
export const replayEvidence = async (
  transaction: Transaction,
  projection: AnyProjection,
  { range = everything, onProgress, signal, skip }: ReplayOptions = {},
): Promise<Replayed> => {
  const { topic } = projection
  const extents = await evidenceExtents(transaction, topic.name)
  const stretches = stretchesOf(topic.name, extents, range, "the evidence")
  const { rows, fold } = recordFolder(projection)
  const progress = progressOf(stretches, onProgress)
  let events = 0
  for (const { partition, start, end } of stretches) {
    let next = start
    for await (const page of readEvidence(transaction, topic, { partition, from: start, to: end })) {
      signal?.throwIfAborted()
      for (const { offset, decoded } of page) {
        if (skip?.(partition, offset) === true) continue
        if (!decoded.ok)
          throw new ReplayRefused(
            `${topic.name}/${partition} offset ${offset} is no record under today's schema: ${decoded.reason}; it was one when it was written, so this program needs a step that reads the old version`,
          )
        fold(decoded.record)
      }
      events += page.length
      const reached = (page.at(-1)?.offset ?? next) + 1
      progress(reached - next)
      next = reached
    }
    progress(end - next)
  }
  return { rows, position: positionOf(topic.name, stretches), events, unreadable: 0 }
}
