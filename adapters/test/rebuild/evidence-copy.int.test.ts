import { recordEncoder } from "@landfall/domain/codec"
import { type AnyTopic, topics } from "@landfall/domain/registry"
import { DecimalString, Text } from "@landfall/domain/text"
import { Timestamp } from "@landfall/domain/timestamp"
import { type MarketPrice, marketPriceTopic } from "@landfall/domain/topics/market-price"
import { marketPrice } from "@landfall/projections/market-price"
import type { AnyProjection } from "@landfall/projections/registry"
import { historyOf } from "@landfall/projections/testing/generators"
import { Schema } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { createCheckpoint, lockCheckpoints } from "../../src/history/checkpoint.ts"
import { readEvidence } from "../../src/history/evidence-source.ts"
import { ingest, openSession } from "../../src/history/ingest.ts"
import { messageReader } from "../../src/history/read-message.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import type { Database } from "../../src/postgres/transaction.ts"
import { copyEvidence } from "../../src/rebuild/evidence-copy.ts"
import { rebuildProjection } from "../../src/rebuild/rebuild.ts"
import { given, givenPostgres } from "../postgres/given-postgres.ts"

const postgres = givenPostgres()
const topicId = Buffer.alloc(16, 7)
const now_ms = Date.UTC(2026, 10, 23)

/** Written as somebody else would: with white space, and fields that nobody knows. */
const inOtherWords = (text: string): string =>
  JSON.stringify({ not_known: "é😀\\", ...(JSON.parse(text) as object) }, null, 2)

/** A history of the topic as evidence, with holes between the offsets; returns how many events. */
const record = async (database: Database, topic: AnyTopic): Promise<number> => {
  const encode = recordEncoder(topic)
  const read = messageReader(topic)
  const records = fc.sample(historyOf(topic.name), { numRuns: 20, seed: 20_261_123 }).flat()
  const batch = records.map((one, nth) => {
    const text = encode(one)
    return read(
      {
        ...{ topic: topic.name, partition: 0, offset: nth * 3 + (nth > 40 ? 1_000 : 0), leaderEpoch: 0 },
        ...{ timestamp: now_ms, key: Buffer.from(topic.key(one)) },
        value: Buffer.from(nth % 2 === 0 ? text : inOtherWords(text)),
      },
      topicId,
    )
  })
  const at = { topic: topic.name, partition: 0 }
  return database.transaction(async (transaction) => {
    await createCheckpoint(transaction, { ...at, topicId, firstOffset: 0 }, now_ms)
    const session = openSession((await lockCheckpoints(transaction, [at])).values(), [topic], 1_000)
    return (await ingest(transaction, session, batch, now_ms)).ingested.evidence
  })
}

type Event = readonly [record: unknown, offset: number, retried: boolean]

const copied = async (
  database: Database,
  topic: AnyTopic,
  from: number,
  to: number,
): Promise<ReadonlyArray<Event>> => {
  const events: Event[] = []
  await database.transaction((transaction) =>
    copyEvidence(transaction, topic, { partition: 0, from, to }, (...event) => events.push(event)),
  )
  return events
}

const readInPages = (database: Database, topic: AnyTopic, from: number, to: number) =>
  database.transaction(async (transaction) => {
    const events: Event[] = []
    for await (const page of readEvidence(transaction, topic, { partition: 0, from, to }))
      for (const { decoded, offset, retried } of page)
        events.push([decoded.ok ? decoded.record : decoded.reason, offset, retried])
    return events
  })

describe("evidence read by COPY and on trust", () => {
  it.each(topics.map((topic) => [topic.name, topic] as const))(
    "is what the pages give, for %s, whatever the stretch",
    async (name, topic) => {
      const database = given(await postgres.createDatabase(name.replaceAll(".", "_")), { deadlineMs: 60_000 })
      await migrate(database)
      const events = await record(database, topic)
      const all = await copied(database, topic, 0, 100_000)
      expect(all).toHaveLength(events)
      expect(all).toEqual(await readInPages(database, topic, 0, 100_000))
      await fc.assert(
        fc.asyncProperty(fc.nat(1_500), fc.nat(1_500), async (from, length) => {
          const within = all.filter(([, offset]) => offset >= from && offset < from + length)
          expect(await copied(database, topic, from, from + length)).toEqual(within)
        }),
        { numRuns: 8 },
      )
    },
  )

  it("has dead letters that were retried in their places", async () => {
    const database = given(await postgres.createDatabase("retried"), { deadlineMs: 60_000 })
    await migrate(database)
    await record(database, marketPriceTopic)
    const [first] = await copied(database, marketPriceTopic, 0, 10)
    const late = { ...(first?.[0] as MarketPrice), price: "1.5" }
    await database.transaction((transaction) =>
      transaction.script(
        `insert into dead_letters (topic, topic_partition, kafka_offset, leader_epoch, kafka_timestamp_ms, message_value, reason,
           ingested_at, leaf_hash) values ('ref.market_price', 0, 4, 0, 0, '${JSON.stringify(late)}', 'then', now(), sha256('x'));
         insert into dead_letter_acts (act_number, topic, topic_partition, kafka_offset, act, event_id, acted_by, reason, outcome,
           leaf_hash) values (1, 'ref.market_price', 0, 4, 'retried', gen_random_uuid(), 'me', 'now', 'event', sha256('y'))`,
      ),
    )
    const events = await copied(database, marketPriceTopic, 0, 10)
    expect(events.map(([, offset, retried]) => [offset, retried])).toEqual([
      [0, false],
      [3, false],
      [4, true],
      [6, false],
      [9, false],
    ])
    expect(events[2]?.[0]).toEqual(late)
    expect(events).toEqual(await readInPages(database, marketPriceTopic, 0, 10))
  })
})

describe("evidence of an older version", () => {
  /** A price as its next version would be: the source is called the venue. */
  const Price = Schema.Struct({
    price_event_id: Text,
    pair: Text,
    price: DecimalString,
    venue: Text,
    observed_at: Timestamp,
  })
  const asVenue = {
    from: 1,
    applies: (written: { readonly [field: string]: unknown }) => "source" in written,
    up: ({ source, ...rest }: { readonly [field: string]: unknown }) => ({ ...rest, venue: source }),
  }
  const next = (upcasts: ReadonlyArray<typeof asVenue>): AnyProjection => ({
    ...(marketPrice as AnyProjection),
    version: 2,
    topic: { ...marketPriceTopic, schema: Price, upcasts } as unknown as AnyTopic,
    evolve: (row: MarketPrice | null, { venue, ...rest }: typeof Price.Type) =>
      marketPrice.evolve(row, { ...rest, source: venue }),
  })

  it("is brought up to today's by a rebuild, one step a version; without the step it is refused by its place", async () => {
    const database = given(await postgres.createDatabase("older"), { deadlineMs: 60_000 })
    await migrate(database)
    const events = await record(database, marketPriceTopic)
    await expect(rebuildProjection(database, next([]))).rejects.toThrow(
      /market_prices 0\/0 is no record of ref\.market_price under today's schema:.*venue.*an upcast of the topic/s,
    )
    const rebuilt = await rebuildProjection(database, next([asVenue]), { promote: true })
    expect(rebuilt).toMatchObject({ version: 2, events, difference: { changed: 0, missing: 0, surplus: 0 } })
  })
})
