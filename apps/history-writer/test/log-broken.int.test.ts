import { openEventReader } from "@landfall/adapters/alerts/event-reader"
import { AdoptionRefused, adoptTopic } from "@landfall/adapters/history/adopt"
import { offsetBases } from "@landfall/adapters/history/generations"
import type { HistoryWriter } from "@landfall/adapters/history/history-writer"
import { LogBroken } from "@landfall/adapters/history/resume"
import { type Admin, openAdmin } from "@landfall/adapters/kafka/admin"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { loadState } from "@landfall/adapters/state/load-state"
import { verifyRecord } from "@landfall/adapters/verify/verify-record"
import { marketPriceTopic } from "@landfall/domain/topics/market-price"
import { marketPrice } from "@landfall/projections/market-price"
import { until } from "@landfall/sandbox/until"
import { describe, expect, it, onTestFinished } from "vitest"
import { givenHouse, givenParts, type House } from "./given-parts.ts"
import { environmentOf, givenService } from "./given-service.ts"
import { givenWriter, untilRead } from "./given-writer.ts"
import { checkInvariants } from "./invariants.ts"
import { createTopics, deleteRecordsBefore, deleteTopics, send } from "./kafka-tools.ts"
import { priceMessage, priceOf, prices } from "./messages.ts"

const parts = givenParts()
const marketPrices = marketPriceTopic.name

/** What the writer stopped with. */
const brokenBy = async (writer: HistoryWriter, timeoutMs = 60_000): Promise<string> => {
  let reason: unknown = null
  writer.done.then(
    () => {
      reason = new Error("it was stopped in order")
    },
    (error) => {
      reason = error
    },
  )
  const error = await until("the writer stops", () => reason, { timeoutMs })
  expect(error).toBeInstanceOf(LogBroken)
  return (error as LogBroken).message
}

const nextOffset = async ({ sql }: House): Promise<number> => {
  const [row] = await sql`
    select next_offset::integer as next from checkpoints where topic = ${marketPrices} and topic_partition = 0`
  return Number(row?.["next"])
}

/** Ten prices that were written by a writer that has gone. */
const givenHistory = async (): Promise<House> => {
  const house = await givenHouse(parts(), { partitions: 1 })
  await send(house.brokers, prices(0, 10))
  const { stop } = await givenWriter(house)
  await untilRead(house, 10)
  await stop()
  return house
}

/** Nothing was written beyond the ten prices. */
const expectUntouched = async (house: House): Promise<void> => {
  const [row] = await house.sql`select count(*)::integer as rows from market_prices`
  expect(row?.["rows"]).toBe(10)
  expect(await nextOffset(house)).toBe(10)
}

describe("at the start, the writer stops and says why", () => {
  it("when Kafka no longer holds the next offset", async () => {
    const house = await givenHistory()
    await send(house.brokers, prices(10, 20))
    await deleteRecordsBefore(house.brokers, marketPrices, 0, 15)
    const { writer } = await givenWriter(house)
    expect(await brokenBy(writer)).toMatch(
      /ref\.market_price\/0: Kafka no longer holds offset 10.*begins at 15/,
    )
    await expectUntouched(house)
  })

  it("as a process with exit code 1 and the same words in its log", async () => {
    const house = await givenHistory()
    await send(house.brokers, prices(10, 20))
    await deleteRecordsBefore(house.brokers, marketPrices, 0, 15)
    const { child, log } = await givenService(parts(), environmentOf(house))
    expect(await child.exited).toEqual({ code: 1, signal: null })
    expect(await log()).toMatch(/"level":"fatal".*ref\.market_price\/0: Kafka no longer holds offset 10/)
    await expectUntouched(house)
  })

  it("when the topic was deleted and created again", async () => {
    const house = await givenHistory()
    await deleteTopics(house.brokers, [marketPrices])
    await createTopics(house.brokers, [marketPrices], 1)
    await send(house.brokers, prices(100, 150))
    const { writer } = await givenWriter(house)
    expect(await brokenBy(writer)).toMatch(/ref\.market_price\/0 was recreated: its topic id is [0-9a-f]{32}/)
    await expectUntouched(house)
  })

  it("when the log ends before what was read", async () => {
    const house = await givenHistory()
    await house.sql`update checkpoints set next_offset = 25, last_offset = 24 where topic = ${marketPrices}`
    const { writer } = await givenWriter(house)
    expect(await brokenBy(writer)).toMatch(
      /ref\.market_price\/0 was truncated: it ends at offset 10, but everything before 25/,
    )
  })

  it("when another message stands where the last one was, even if the log has grown since", async () => {
    const house = await givenHistory()
    await house.sql`update checkpoints set last_leaf_hash = sha256('another') where topic = ${marketPrices}`
    await send(house.brokers, prices(10, 20))
    const { writer } = await givenWriter(house)
    expect(await brokenBy(writer)).toMatch(/ref\.market_price\/0: the message at offset 9 is not the one/)
    await expectUntouched(house)
  })
})

describe("while it runs, the writer stops and says why", () => {
  it("when retention overtakes it", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    const { writer } = await givenWriter(house, {
      limits: { batchMessagesMax: 10, portionMessagesMax: 10, queuedBytesMax: 1024, auditMs: 300 },
    })
    await send(house.brokers, prices(0, 10))
    await untilRead(house, 10)
    const pad = "x".repeat(20_000)
    const large = Array.from({ length: 400 }, (_, nth) => {
      const message = priceMessage(priceOf(10 + nth), { partition: 0 })
      return { ...message, value: `${message.value.slice(0, -1)},"pad":"${pad}"}` }
    })
    // While somebody else holds its checkpoint the writer cannot go on, and the client has fetched 1 MiB at most.
    await house.sql.begin(async (held) => {
      await held`select from checkpoints where topic = ${marketPrices} for update`
      await send(house.brokers, large)
      await until("the writer waits for its checkpoint", async () => {
        const [row] = await house.sql`select count(*)::integer as waiting from pg_locks where not granted`
        return Number(row?.["waiting"]) > 0 ? true : null
      })
      await deleteRecordsBefore(house.brokers, marketPrices, 0, 405)
    })
    expect(await brokenBy(writer)).toMatch(
      /ref\.market_price\/0: Kafka no longer holds offset \d+.*begins at 405/,
    )
    const [row] = await house.sql`
      select count(*)::integer as rows, max(kafka_offset)::integer as last from market_prices`
    expect(Number(row?.["rows"]), "no gap before the stop").toBe(Number(row?.["last"]) + 1)
    expect(Number(row?.["rows"])).toBeLessThan(405)
    expect(await nextOffset(house)).toBe(Number(row?.["rows"]))
  })

  it("when the topic is created again with fewer messages", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    const { writer } = await givenWriter(house, { limits: { auditMs: 500 } })
    await send(house.brokers, prices(0, 10))
    await untilRead(house, 10)
    await deleteTopics(house.brokers, [marketPrices])
    await createTopics(house.brokers, [marketPrices], 1)
    await send(house.brokers, prices(100, 103))
    expect(await brokenBy(writer)).toMatch(/ref\.market_price\/0 was recreated/)
    await expectUntouched(house)
  })

  it("when the topic is created again and has grown past the offset at which the client reads on", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    // No audit comes in time: the batch itself has to notice.
    const { writer } = await givenWriter(house, { limits: { auditMs: 600_000 } })
    await send(house.brokers, prices(0, 10))
    await untilRead(house, 10)
    await deleteTopics(house.brokers, [marketPrices])
    await createTopics(house.brokers, [marketPrices], 1)
    await send(house.brokers, prices(100, 150))
    expect(await brokenBy(writer)).toMatch(/ref\.market_price\/0 was recreated/)
    await expectUntouched(house)
  })
})

describe("the writer does not stop", () => {
  /** Kafka's answer about bounds arrives late, when `then` has happened. */
  const slowBounds =
    (then: () => Promise<unknown>) =>
    (admin: Admin): Admin => ({
      ...admin,
      bounds: async (partitions) => {
        const bounds = await admin.bounds(partitions)
        await then()
        return bounds
      },
    })

  it("when it has moved on while Kafka told where the log ends", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    let sent = 0
    let audits = 0
    const more = async (): Promise<void> => {
      const from = sent
      sent += 10
      await send(house.brokers, prices(from, sent))
      if (audits++ > 1) await untilRead(house, sent) // the first two belong to the start, which precedes all reading
    }
    const { writer, events } = await givenWriter(house, { admin: slowBounds(more), limits: { auditMs: 100 } })
    await until("some audits are over", () => (audits > 5 ? true : null), {
      standing: () => writer.trouble(),
    })
    expect(events.filter(({ type }) => type === "stopped" || type === "retrying")).toEqual([])
  })

  it("when retention takes the last message that was read, just before it is read again", async () => {
    const house = await givenHistory()
    await send(house.brokers, prices(10, 20))
    let asked = 0
    const expire = async (): Promise<void> => {
      // At the start the bounds are asked for twice; after the second answer nothing but reading is left to do.
      if (++asked === 2) await deleteRecordsBefore(house.brokers, marketPrices, 0, 10)
    }
    const { writer } = await givenWriter(house, { admin: slowBounds(expire) })
    await untilRead(house, 20, { standing: () => writer.trouble() })
  })

  it("when another writer has moved on before this one took its partitions over", async () => {
    const house = await givenHistory()
    const other = await givenWriter(house)
    let asked = 0
    const handOver = async (): Promise<void> => {
      if (asked++ > 0) return
      await send(house.brokers, prices(10, 20))
      await untilRead(house, 20)
      await other.stop()
    }
    const { events } = await givenWriter(house, { admin: slowBounds(handOver) })
    await until("it has the partitions", () => events.find(({ type }) => type === "assigned") ?? null)
    await send(house.brokers, prices(20, 30))
    await untilRead(house, 30)
    expect(events.filter(({ type }) => type === "stopped")).toEqual([])
    expect(await checkInvariants(house)).toEqual({ evidence: 30, duplicates: 0, deadLetters: 0 })
  })
})

describe("an operator who adopts a topic that was created again", () => {
  const actor = { by: "ada", why: "the cluster was restored" }

  /** Who adopts, and Kafka as an operator asks it: by its own offsets. */
  const givenOperator = (house: House) => {
    const database = openDatabase(house.url, { applicationName: "operator", role: "landfall_operator" })
    const connection = { brokers: house.brokers, clientId: "operator" }
    const admin = openAdmin(connection)
    onTestFinished(async () => {
      admin.close()
      await database.close()
    })
    const bases = offsetBases(() => openDatabase(house.url, { applicationName: "set-up" }))
    const kafka = { ...connection, bases }
    return {
      database,
      kafka,
      adopt: (topic = marketPrices, by: typeof actor | null = actor) =>
        adoptTopic(database, admin, topic, by),
    }
  }

  const recreated = async (house: House): Promise<void> => {
    await deleteTopics(house.brokers, [marketPrices])
    await createTopics(house.brokers, [marketPrices], 1)
  }

  const positions = async ({ sql }: House): Promise<ReadonlyArray<number>> =>
    (await sql`select kafka_offset::integer as at from market_prices order by kafka_offset`).map(
      (row) => row["at"],
    )

  const upTo = (end: number): ReadonlyArray<number> => Array.from({ length: end }, (_, index) => index)

  /** Everything recorded is held against its logs and against Kafka, where it still has it. */
  const expectVerified = async (house: House, held: { from: number; to: number }): Promise<void> => {
    const { database, kafka } = givenOperator(house)
    const admin = openAdmin(kafka)
    const { differences, gaps, logs } = await verifyRecord(database, { kafka: { kafka, admin } })
    admin.close()
    expect({ differences, gaps }).toEqual({ differences: [], gaps: [] })
    expect(logs.find(({ log }) => log === `${marketPrices}/0`)?.compared).toEqual(held)
  }

  it("lets the log go on at the next position: in one order, with one Merkle log, again and again", async () => {
    const house = await givenHistory()
    const { adopt } = givenOperator(house)
    await recreated(house)
    await send(house.brokers, [...prices(100, 120), ...prices(3, 4)])
    const { writer: refused } = await givenWriter(house)
    await brokenBy(refused)
    expect(await adopt(marketPrices, null)).toMatchObject([
      { generation: 2, first_position: 10, offset_base: 10 },
    ])
    expect(await adopt()).toMatchObject([
      { partition: 0, generation: 2, first_position: 10, offset_base: 10 },
    ])
    const first = await givenWriter(house)
    await untilRead(house, 31)
    expect(await positions(house)).toEqual(upTo(30))
    await send(house.brokers, prices(120, 125))
    await untilRead(house, 36)
    expect(first.writer.partitions().find(({ topic }) => topic === marketPrices)).toMatchObject({
      next_offset: 36,
      evidence: 35,
      duplicates: 1,
    })
    await first.stop()
    await expectVerified(house, { from: 10, to: 36 })

    // Started again, it meets the last message that it read; adopted again, it goes on once more.
    const second = await givenWriter(house)
    await send(house.brokers, prices(125, 130))
    await untilRead(house, 41)
    await second.stop()
    await recreated(house)
    await send(house.brokers, prices(200, 210))
    expect(await adopt()).toMatchObject([{ generation: 3, first_position: 41, offset_base: 41 }])
    const third = await givenWriter(house)
    await untilRead(house, 51)
    await third.stop()
    await expectVerified(house, { from: 41, to: 51 })
    const rows = await house.sql`select generation, adopted_by, reason, database_login from log_generations`
    expect(rows).toMatchObject([
      { generation: 2, adopted_by: "ada", reason: actor.why, database_login: "postgres" },
      { generation: 3 },
    ])
  })

  it("lets other readers go on as well: from the snapshot and Kafka's tail, or from the beginning that Kafka has", async () => {
    const house = await givenHistory()
    await recreated(house)
    await send(house.brokers, prices(100, 105))
    const { adopt, database, kafka } = givenOperator(house)
    await adopt()
    const admin = openAdmin(kafka)
    const { rows, position } = await loadState({ projections: [marketPrice], database, kafka, admin })
    const reader = await openEventReader({ kafka, admin, topics: [marketPriceTopic] })
    expect(reader.start).toEqual({ [marketPrices]: { "0": 10 } })
    const next = await until(
      "the reader reads",
      async () => (await reader.next()).at(-1)?.next_offset ?? null,
    )
    expect(next).toBe(15)
    expect(await reader.ends()).toEqual({ [marketPrices]: { "0": 15 } })
    await reader.close()
    admin.close()
    expect(position).toEqual({ [marketPrices]: { "0": 15 } })
    expect(rows.get("market_price")?.get("BTC/EURe")).toMatchObject({ price: "60104.5" })
  })

  it("is refused where there is nothing to adopt, and for the alerts, whose writer counts in the topic", async () => {
    const house = await givenHistory()
    const { adopt } = givenOperator(house)
    await expect(adopt()).rejects.toThrow(AdoptionRefused)
    await expect(adopt()).rejects.toThrow("is the topic that was recorded")
    await expect(adopt("ops.alert")).rejects.toThrow("ops-sentinel counts the episodes")
    expect(await house.sql`select * from log_generations`).toEqual([])
  })
})
