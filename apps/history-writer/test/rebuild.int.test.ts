import { claimSnapshotVersions, SnapshotVersionDiffers } from "@landfall/adapters/history/snapshot-versions"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { type Database, openDatabase } from "@landfall/adapters/postgres/transaction"
import { startBackgroundRebuilds } from "@landfall/adapters/rebuild/in-background"
import { rebuildProjection, rollBackProjection } from "@landfall/adapters/rebuild/rebuild"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import type { MarketPrice } from "@landfall/domain/topics/market-price"
import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { marketPrice } from "@landfall/projections/market-price"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import { until } from "@landfall/sandbox/until"
import { describe, expect, it, onTestFinished } from "vitest"
import { flowOf } from "./flow.ts"
import { givenHouse, givenParts, type House } from "./given-parts.ts"
import { freshGroup, givenWriter, untilRead } from "./given-writer.ts"
import { checkInvariants } from "./invariants.ts"
import { deleteRecordsBefore, send } from "./kafka-tools.ts"
import { prices } from "./messages.ts"

const parts = givenParts()

const open = (house: House, role = "landfall_writer"): Database => {
  const database = openDatabase(house.url, { applicationName: "rebuild", role })
  onTestFinished(() => database.close())
  return database
}

const same = { changed: 0, missing: 0, surplus: 0 }

describe("while the writer writes", () => {
  it("a projection is rebuilt, promoted and rolled back, and nothing is lost", async () => {
    const house = await givenHouse(parts(), { partitions: 2 })
    const { messages } = flowOf(12_000, 7)
    await send(house.brokers, messages.slice(0, 4_000))
    const { writer } = await givenWriter(house, { limits: { batchMessagesMax: 500 } })
    const sent = (async () => {
      for (let at = 4_000; at < messages.length; at += 500)
        await send(house.brokers, messages.slice(at, at + 500))
    })()
    const limits = { segmentOffsets: 700, flushEvents: 1_000 }
    const first = await rebuildProjection(open(house), fundingTransfer, { promote: true, limits })
    expect(first).toMatchObject({ promoted: true, difference: same })
    const second = await rebuildProjection(open(house), fundingTransfer, { promote: true, limits })
    expect(second).toMatchObject({ promoted: true, resumed: false, difference: same })
    const back = await rollBackProjection(open(house), fundingTransfer, { limits })
    expect(back).toMatchObject({ promoted: true, from: "live", difference: same })
    await sent
    await untilRead(house, messages.length, { standing: () => ({ trouble: writer.trouble() }) })
    expect(writer.trouble()).toBeNull()
    await checkInvariants(house)
  })

  it("a program of a newer version takes over: evidence goes on, the old rows are read, then the new ones are live", async () => {
    const house = await givenHouse(parts(), { partitions: 1 })
    const newer: AnyProjection = {
      ...marketPrice,
      version: 2,
      evolve: (row: MarketPrice | null, price: MarketPrice) => {
        const next = marketPrice.evolve(row, price)
        return next === null || next === row ? next : { ...next, source: `${price.source} 2` }
      },
    }
    const nextProgram = projections.map((one) => (one.name === newer.name ? newer : one))
    const claiming = open(house)
    const claim = (program: ReadonlyArray<AnyProjection>) =>
      claiming.transaction((transaction) => claimSnapshotVersions(transaction, program))
    await claim(projections)
    const old = await givenWriter(house, { groupId: freshGroup() })
    await send(house.brokers, prices(0, 100))
    await untilRead(house, 100)

    const due = await claim(nextProgram)
    expect(due).toEqual([newer])
    const shown = () => house.sql`select price::text, source from market_price_snapshot`
    const before = await shown()
    expect(before).toEqual([{ price: "60099.5", source: "test" }])
    await send(house.brokers, prices(100, 200))
    await untilRead(house, 200) // the old program itself goes on with evidence alone
    expect(await shown()).toEqual(before)

    const rebuilds = startBackgroundRebuilds({
      projections: due,
      database: open(house),
      holder: "test",
      now: () => performance.now(),
    })
    await rebuilds.done
    expect(await shown()).toEqual([{ price: "60199.5", source: "test 2" }])
    // The old program stands down as soon as it has something to write; the new one goes on.
    await send(house.brokers, prices(200, 210))
    await expect(old.writer.done).rejects.toThrow(SnapshotVersionDiffers)
    await old.stop()
    await givenWriter(house, { projections: nextProgram })
    await untilRead(house, 210)
    await until("the new program has folded it", async () =>
      (await shown())[0]?.["price"] === "60209.5" ? true : null,
    )
    expect(await shown()).toEqual([{ price: "60209.5", source: "test 2" }])
  })
})

describe("from the topics", () => {
  it("gives the rows that the evidence gives, without duplicates and dead letters, while Kafka has everything", async () => {
    const house = await givenHouse(parts(), { partitions: 2 })
    const flow = flowOf(3_000, 11)
    await send(house.brokers, flow.messages)
    const { stop } = await givenWriter(house)
    await untilRead(house, flow.messages.length)
    await stop()
    const kafka = { brokers: house.brokers, clientId: "rebuild" }
    const admin = openAdmin(kafka)
    onTestFinished(() => admin.close())
    const topics = { kafka, admin }
    const limits = { segmentOffsets: 400, flushEvents: 300 }
    const rebuilt = await rebuildProjection(open(house), fundingTransfer, {
      from: "topics",
      topics,
      promote: true,
      limits,
    })
    expect(rebuilt).toMatchObject({ from: "topics", promoted: true, events: flow.evidence, difference: same })
    await checkInvariants(house)

    await deleteRecordsBefore(house.brokers, fundingObservationTopic.name, 0, 10)
    const refused = rebuildProjection(open(house), fundingTransfer, { from: "topics", topics })
    await expect(refused).rejects.toThrow(
      /ops\.funding_observation\/0: the topic no longer holds offsets 0 to 9: rebuild from the evidence/,
    )
    expect(await rebuildProjection(open(house), marketPrice, { from: "topics", topics })).toMatchObject({
      rows: 0,
    })
  })
})
