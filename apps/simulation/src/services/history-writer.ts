import { type Checkpoint, CheckpointMoved, partitionName } from "@landfall/adapters/history/checkpoint"
import { type MessageReader, messageReader, type ReadMessage } from "@landfall/adapters/history/read-message"
import { append } from "@landfall/adapters/transparency-log/merkle-log"
import { topics } from "@landfall/domain/registry"
import { projections, projectionsOfTopic } from "@landfall/projections/registry"
import type { SimulatedKafka } from "../world/kafka.ts"
import {
  type EvidenceRow,
  type SimulatedPostgres,
  type SnapshotRow,
  topicIdOf,
  type Writes,
} from "../world/postgres.ts"
import type { Process } from "../world/process.ts"
import type { Random } from "../world/random.ts"

export interface WriterOptions {
  readonly kafka: SimulatedKafka
  readonly postgres: SimulatedPostgres
  readonly process: Process
  readonly random: Random
}

const readers = new Map<string, MessageReader>(topics.map((topic) => [topic.name, messageReader(topic)]))

/** What a writer has in memory between two batches; given up whole when one fails. */
interface Session {
  readonly checkpoints: Map<string, Checkpoint>
  readonly rows: ReadonlyMap<string, Map<string, SnapshotRow>>
}

/**
 * The history writer with the database as a model: the real decoder, leaf hashes, reducers and Merkle log, in batches that
 * a transaction applies whole. It reads every partition; a second instance reads them too, as one that was stopped and
 * replaced does.
 */
export const runWriter = async ({ kafka, postgres, process, random }: WriterOptions): Promise<never> => {
  for (;;) {
    try {
      const checkpoints = await postgres.read(process, () => new Map(postgres.checkpoints))
      const rows = new Map(projections.map(({ name }) => [name, new Map<string, SnapshotRow>()]))
      await follow({ checkpoints, rows })
    } catch {
      // After a failure nothing in memory counts: the checkpoint says whether the batch was committed.
      await process.wait(random.int(10, 400))
    }
  }

  async function follow(session: Session): Promise<never> {
    for (;;) {
      const batch = kafka.up ? portionOf(session) : []
      if (batch.length === 0) {
        await Promise.race([process.answer(kafka.news()), process.wait(1_000)])
        await process.wait(random.int(1, 100))
        continue
      }
      await process.step("after a fetch")
      const written = await postgres.transaction(process, () => ingest(postgres, session, batch))
      for (const { to } of written.checkpoints) session.checkpoints.set(partitionName(to), to)
      for (const { projection, key, after } of written.rows) session.rows.get(projection)?.set(key, after)
    }
  }

  /** Some of what there is, of some partitions. */
  function portionOf({ checkpoints }: Session): ReadonlyArray<ReadMessage> {
    const max = random.int(1, 40)
    return Array.from(checkpoints.values()).flatMap(({ topic, partition, nextOffset }) => {
      if (nextOffset >= kafka.partition(topic, partition).length || random.chance(0.2)) return []
      return kafka.read(topic, partition, nextOffset, max).messages.map(({ offset, entry }) => {
        const { key, value, at_ms: timestamp } = entry
        const reader = readers.get(topic) as MessageReader
        return reader({ topic, partition, offset, leaderEpoch: 0, timestamp, key, value }, topicIdOf(topic))
      })
    })
  }
}

/** What a batch writes: the same decisions as the real writer's `ingest`, over tables in memory. */
const ingest = (postgres: SimulatedPostgres, session: Session, batch: ReadonlyArray<ReadMessage>): Writes => {
  const kept = new Map<string, EvidenceRow>()
  const evidence: EvidenceRow[] = []
  const duplicates: ReadMessage[] = []
  const deadLetters: ReadMessage[] = []
  const rows = new Map<string, Writes["rows"][number]>()
  for (const message of batch) {
    if (!message.decoded.ok) {
      deadLetters.push(message)
      continue
    }
    const record = message.decoded.record as { readonly [field: string]: unknown }
    const eventId = String(record[message.topic.id])
    const id = `${message.topic.name} ${eventId}`
    const earlier = kept.get(id) ?? postgres.ids.get(id)
    if (earlier !== undefined) {
      const same = earlier.message.value?.equals(message.value ?? Buffer.alloc(0)) ?? false
      ;(same ? duplicates : deadLetters).push(message)
      continue
    }
    const row = { message, eventId }
    kept.set(id, row)
    evidence.push(row)
    for (const projection of projectionsOfTopic(message.topic.name)) {
      const key = projection.key(record)
      const name = `${projection.name} ${key}`
      const changed = rows.get(name)
      const before =
        changed?.after ??
        session.rows.get(projection.name)?.get(key) ??
        postgres.snapshots.get(projection.name)?.get(key) ??
        null
      const after = projection.evolve(before?.row ?? null, record)
      if (after === null || after === before?.row) continue
      const { partition, offset } = message
      rows.set(name, {
        projection: projection.name,
        key,
        before: changed === undefined ? before : changed.before,
        after: { row: after, partition, offset },
      })
    }
  }
  return { evidence, duplicates, deadLetters, rows: [...rows.values()], checkpoints: moves() }

  function moves(): Writes["checkpoints"] {
    const nameOf = ({ topic, partition }: ReadMessage): string =>
      partitionName({ topic: topic.name, partition })
    const leaves = Map.groupBy(evidence, ({ message }) => nameOf(message))
    return Array.from(Map.groupBy(batch, nameOf), ([name, messages]) => {
      const from = session.checkpoints.get(name)
      const last = messages.at(-1)
      if (from === undefined || last === undefined) throw new CheckpointMoved(`${name} is not read here`)
      const log = append(
        from.log,
        (leaves.get(name) ?? []).map(({ message }) => message.leafHash),
      )
      const to = { ...from, nextOffset: last.offset + 1, log }
      return { from, to: { ...to, last: { offset: last.offset, leafHash: last.leafHash } } }
    })
  }
}
