import { setTimeout as sleep } from "node:timers/promises"
import { retryLetters } from "@landfall/adapters/dead-letters/retry"
import { CheckpointMoved, readCheckpoints } from "@landfall/adapters/history/checkpoint"
import { commitSession, ingest, openSession } from "@landfall/adapters/history/ingest"
import { messageReader } from "@landfall/adapters/history/read-message"
import { SnapshotMoved } from "@landfall/adapters/history/snapshot-table"
import { claimSnapshotVersions } from "@landfall/adapters/history/snapshot-versions"
import { type Database, DatabaseError, openDatabase } from "@landfall/adapters/postgres/transaction"
import { topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import {
  type FundingObservation,
  fundingObservationId,
  fundingObservationTopic,
} from "@landfall/domain/topics/funding-observation"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { marketPrice } from "@landfall/projections/market-price"
import { projections } from "@landfall/projections/registry"
import { readPartitions } from "@landfall/sandbox/testing/stored-messages"
import { until } from "@landfall/sandbox/until"
import { Schema } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { givenHouse, givenParts, type House } from "./given-parts.ts"
import { freshGroup, type GivenWriter, givenWriter, untilRead } from "./given-writer.ts"
import { checkInvariants, readSnapshot } from "./invariants.ts"
import { send } from "./kafka-tools.ts"
import { goldenBytes, priceMessage, priceOf, prices } from "./messages.ts"

const parts = givenParts()
const marketPrices = marketPriceTopic.name

/** Waits until the writers have so many partitions of the prices each, and say that all is well. */
const untilShared = (writers: ReadonlyArray<GivenWriter>, partitions: ReadonlyArray<number>) => {
  const counts = () =>
    writers.map(({ writer }) => writer.partitions().filter(({ topic }) => topic === marketPrices).length)
  return until(
    `the partitions are shared ${partitions.join(" to ")}`,
    () => (counts().every((count, index) => count === partitions[index]) ? true : null),
    { standing: () => [counts(), writers.map(({ writer }) => writer.trouble())] },
  )
}

/** Prices of 40 pairs, each pair in a partition of its own choosing. */
const manyPairs = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => {
    const pair = `PAIR${(from + index) % 40}/EURe`
    return priceMessage(priceOf(from + index, { pair }), { partition: (from + index) % 4 })
  })

describe("two instances", () => {
  it("share the partitions; when one leaves, the other takes over, and nothing is lost or written twice", async () => {
    const house = await givenHouse(parts(), { partitions: 4 })
    const groupId = freshGroup()
    const one = await givenWriter(house, { groupId })
    await untilShared([one], [4])
    await send(house.brokers, manyPairs(0, 400))
    const two = await givenWriter(house, { groupId })
    await untilShared([one, two], [2, 2])
    await send(house.brokers, manyPairs(400, 1_200))
    await untilRead(house, 1_200)
    const wrote = ({ events }: GivenWriter) => events.some(({ type }) => type === "written")
    expect([one, two].map(wrote)).toEqual([true, true])
    const leaving = one.stop()
    await send(house.brokers, manyPairs(1_200, 1_600))
    await leaving
    await untilShared([two], [4])
    await untilRead(house, 1_600)
    expect(await checkInvariants(house)).toEqual({ evidence: 1_600, duplicates: 0, deadLetters: 0 })
  })

  it("come and go while events flow in and their backends die, and each event is there exactly once", async () => {
    const house = await givenHouse(parts(), { partitions: 4 })
    const groupId = freshGroup()
    const stay = await givenWriter(house, {
      groupId,
      limits: { batchMessagesMax: 50, portionMessagesMax: 20 },
    })
    await untilShared([stay], [4])
    let sent = 0
    let ending = false
    const flow = (async () => {
      while (!ending) {
        await send(house.brokers, manyPairs(sent, sent + 100))
        sent += 100
        await sleep(20) // as fast as the writers can follow
      }
    })()
    const dying = (async () => {
      while (!ending) {
        await house.sql`
          select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'history-writer'`
        await sleep(400)
      }
    })()
    for (let round = 0; round < 2; round++) {
      const guest = await givenWriter(house, { groupId, limits: { batchMessagesMax: 50 } })
      await untilShared([stay, guest], [2, 2])
      const writes = () => guest.events.filter(({ type }) => type === "written").length
      const before = writes()
      await until("the guest writes", () => (writes() > before + 3 ? true : null))
      await guest.stop()
      await untilShared([stay], [4])
    }
    ending = true
    await Promise.all([flow, dying])
    await untilRead(house, sent)
    expect(await checkInvariants(house)).toEqual({ evidence: sent, duplicates: 0, deadLetters: 0 })
  })

  it("that each have a partition of one row's events lose no update of it", async () => {
    const house = await givenHouse(parts(), { partitions: 2 })
    const groupId = freshGroup()
    const writers = [
      await givenWriter(house, { groupId, limits: { portionMessagesMax: 10 } }),
      await givenWriter(house, { groupId, limits: { portionMessagesMax: 10 } }),
    ]
    await untilShared(writers, [1, 1])
    // The latest price wins whatever the order, so every valid fold gives the same row.
    const price = (nth: number) => priceMessage(priceOf(nth), { partition: nth % 2 })
    // One at a time: each writer meets the row changed by the other since it wrote it last.
    for (let nth = 0; nth < 6; nth++) {
      await send(house.brokers, [price(nth)])
      await untilRead(house, nth + 1)
    }
    const moved = writers.map(
      ({ events }) =>
        events.filter((event) => event.type === "retrying" && causeOf(event.error) instanceof SnapshotMoved)
          .length,
    )
    expect(moved).toEqual([2, 2])
    await send(
      house.brokers,
      Array.from({ length: 300 }, (_, nth) => price(6 + nth)),
    )
    await untilRead(house, 306)
    expect(await checkInvariants(house)).toMatchObject({ evidence: 306 })
    const row = (await readSnapshot(house.sql, marketPrice)).get("BTC/EURe")
    expect(row?.["price"]).toBe(priceOf(305).price)
  })
})

const causeOf = (error: unknown): unknown =>
  error instanceof DatabaseError && error.cause instanceof Error ? error.cause : error

/** A database connection as the writer's role, closed after the test. */
const givenDatabase = ({ url }: House): Database => {
  const database = openDatabase(url, { applicationName: "zombie", role: "landfall_writer" })
  onTestFinished(() => database.close())
  return database
}

/** A session at the checkpoints as they are now, and the messages of partition 0 from an offset on. */
const givenSession = async (house: House, database: Database) => {
  const checkpoints = await database.transaction((transaction) => readCheckpoints(transaction))
  const session = openSession(checkpoints, topics, 1_000)
  const read = messageReader(marketPriceTopic)
  const batchFrom = async (offset: number, partition = 0) => {
    const [log = []] = await readPartitions(house.brokers, [{ topic: marketPrices, partition }])
    return log
      .filter((message) => message.offset >= offset)
      .map((message) => {
        const { topicId = Buffer.alloc(16) } = session.checkpoints.get(`${marketPrices}/${partition}`) ?? {}
        return read({ ...message, topic: marketPrices, partition }, topicId)
      })
  }
  return { session, batchFrom }
}

describe("a writer that was taken for dead", () => {
  it("writes nothing with a checkpoint that has moved on, though it has the next message", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    await send(house.brokers, prices(0, 10))
    const { stop } = await givenWriter(house)
    await untilRead(house, 10)
    const database = givenDatabase(house)
    const zombie = await givenSession(house, database)
    await send(house.brokers, prices(10, 20))
    await untilRead(house, 20)
    await stop()
    await send(house.brokers, prices(20, 30))
    for (const offset of [10, 20]) {
      const batch = await zombie.batchFrom(offset)
      const writing = database.transaction((transaction) => ingest(transaction, zombie.session, batch, 0))
      const error: unknown = await writing.then(
        () => null,
        (reason: unknown) => reason,
      )
      expect(causeOf(error)).toBeInstanceOf(CheckpointMoved)
    }
    expect(await checkInvariants(house)).toEqual({ evidence: 20, duplicates: 0, deadLetters: 0 })
  })

  it("waits for the transaction of its successor, and then writes nothing", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    await send(house.brokers, prices(0, 10))
    const { stop } = await givenWriter(house)
    await untilRead(house, 10)
    await stop()
    await send(house.brokers, prices(10, 20))
    const [left, right] = [givenDatabase(house), givenDatabase(house)]
    const [first, second] = [await givenSession(house, left), await givenSession(house, right)]
    const batch = await first.batchFrom(10)
    const now_ms = Date.now()
    let written = false
    const writing = left.transaction(async (transaction) => {
      const outcome = await ingest(transaction, first.session, batch, now_ms)
      written = true
      await sleep(300) // the other one must be seen waiting
      return outcome
    })
    await until("the first has written", () => (written ? true : null))
    const late = right.transaction((transaction) => ingest(transaction, second.session, batch, now_ms))
    const outcomes = await Promise.allSettled([writing, late])
    expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected"])
    expect(causeOf(outcomes[1]?.status === "rejected" ? outcomes[1].reason : null)).toBeInstanceOf(
      CheckpointMoved,
    )
    expect(await checkInvariants(house)).toEqual({ evidence: 20, duplicates: 0, deadLetters: 0 })
  })

  it("cannot overwrite a row that it remembers from before another writer changed it", async () => {
    const house = await givenHouse(parts(), { partitions: 2 })
    await send(house.brokers, [priceMessage(priceOf(1), { partition: 0 })])
    const { stop } = await givenWriter(house)
    await untilRead(house, 1)
    await stop()
    const database = givenDatabase(house)
    const { session, batchFrom } = await givenSession(house, database)
    const write = async (offset: number, partition: number) => {
      const batch = await batchFrom(offset, partition)
      return database.transaction((transaction) => ingest(transaction, session, batch, Date.now()))
    }
    // It reads the row for a price of its own partition, and keeps it in memory.
    await send(house.brokers, [priceMessage(priceOf(2), { partition: 0 })])
    commitSession(session, await write(1, 0))
    // Another writer changes the same row by an event of the other partition.
    const newest = priceOf(9, { observed_at: timestamp(Date.UTC(2026, 5, 1)) })
    await send(house.brokers, [priceMessage(newest, { partition: 1 })])
    const other = givenDatabase(house)
    const successor = await givenSession(house, other)
    const newestBatch = await successor.batchFrom(0, 1)
    await other.transaction((transaction) => ingest(transaction, successor.session, newestBatch, Date.now()))
    await send(house.brokers, [priceMessage(priceOf(3), { partition: 0 })])
    // Its price is newer than the row it remembers, and older than the row that is there.
    const error: unknown = await write(2, 0).then(
      () => null,
      (reason: unknown) => reason,
    )
    expect(causeOf(error)).toBeInstanceOf(SnapshotMoved)
    const row = (await readSnapshot(house.sql, marketPrice)).get("BTC/EURe")
    expect(row?.["price"]).toBe(newest.price)
    expect(await checkInvariants(house)).toEqual({ evidence: 3, duplicates: 0, deadLetters: 0 })
  })
})

describe("an operator who retries a dead letter beside a running writer", () => {
  /** The `revision`-th observation of one transfer. */
  const seen = (revision: number) => {
    const record = JSON.parse(
      goldenBytes(fundingObservationTopic.name).toString("utf8"),
    ) as FundingObservation
    const { transfer_id } = record
    const funding_observation_id = fundingObservationId(transfer_id, revision)
    const value = JSON.stringify({ ...record, revision, funding_observation_id })
    return { topic: fundingObservationTopic.name, key: "one", partition: 0, value }
  }

  it("changes the row that the writer goes on with", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    await givenDatabase(house).transaction((transaction) => claimSnapshotVersions(transaction, projections))
    const strict = {
      ...fundingObservationTopic,
      schema: fundingObservationTopic.schema.pipe(
        Schema.check(
          Schema.makeFilter(({ revision }: FundingObservation) => revision !== 2 || "not known then"),
        ),
      ),
    }
    const { writer, events } = await givenWriter(house, {
      topics: topics.map((topic) => (topic.name === strict.name ? strict : topic)),
    })
    await send(house.brokers, [seen(1), seen(2), seen(3)])
    await untilRead(house, 3)
    const operator = openDatabase(house.url, { applicationName: "operator", role: "landfall_operator" })
    onTestFinished(() => operator.close())
    const place = { topic: strict.name, partition: 0, offset: 1 }
    const actor = { by: "ada", why: "it is known now" }
    const { letters } = await retryLetters(operator, [place], { actor })
    expect(letters).toMatchObject([{ retried: true }])
    // The row's last event is the same as before, and the writer has the row in memory.
    await send(house.brokers, [seen(4), seen(2)])
    await untilRead(house, 5)
    const [row] = (await readSnapshot(house.sql, fundingTransfer)).values()
    expect(row).toMatchObject({ revision: 4, observations: 4 })
    expect(events.some((event) => event.type === "retrying")).toBe(true)
    expect(writer.trouble()).toBeNull()
  })
})
