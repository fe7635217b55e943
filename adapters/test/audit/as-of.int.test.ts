import type { Position } from "@landfall/domain/position"
import { timestamp } from "@landfall/domain/timestamp"
import { fold } from "@landfall/projections/fold"
import { projections } from "@landfall/projections/registry"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type AsOf, type Basis, bases } from "../../src/audit/as-of.ts"
import { audited } from "../../src/audit/position.ts"
import { listRows } from "../../src/audit/rows.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import { type Database, openDatabase } from "../../src/postgres/transaction.ts"
import { givenPostgres } from "../postgres/given-postgres.ts"
import { anyHistories, batchesOf, type Given, type GivenRecord, givenRecord } from "./given-record.ts"

const postgres = givenPostgres()
let databases = 0

const givenDatabase = async (): Promise<Database> => {
  const database = openDatabase(await postgres.createDatabase(`as_of_${databases++}`), {
    applicationName: "as of",
  })
  await migrate(database)
  return database
}

const isIn = ({ at, basis }: AsOf, { topic, record, ingested_ms }: Given): boolean =>
  basis === "ingest" ? timestamp(ingested_ms) <= at : topic.occurredAt(record) <= at

/** Each instant at which something came to be, and the milliseconds beside it. */
const boundaries = (given: ReadonlyArray<Given>, basis: Basis): ReadonlyArray<AsOf> => {
  const instants = new Set<number>([0])
  for (const { topic, record, ingested_ms } of given) {
    const at_ms = basis === "ingest" ? ingested_ms : Date.parse(topic.occurredAt(record))
    for (const beside of [-1, 0, 1]) instants.add(at_ms + beside)
  }
  return [...instants].map((at_ms) => ({ at: timestamp(at_ms), basis }))
}

/** After the last message of each partition that was written by then; by event time, that was written at all. */
const expectedPosition = (messages: GivenRecord["messages"], { at, basis }: AsOf): Position => {
  const position: Record<string, Record<string, number>> = {}
  for (const { topic, partition, offset, ingested_ms } of messages) {
    const partitions = position[topic.name] ?? { "0": 0, "1": 0 }
    position[topic.name] = partitions
    if (basis === "event" || timestamp(ingested_ms) <= at)
      partitions[String(partition)] = Math.max(partitions[String(partition)] ?? 0, offset + 1)
  }
  return position
}

const inLogOrder = (left: Given, right: Given): number =>
  left.partition - right.partition || left.offset - right.offset

describe("an answer as of an instant", () => {
  it("is the fold of what had been ingested, or had happened, by then: every projection, at every boundary", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyHistories,
        fc.array(fc.nat({ max: 100 }), { minLength: 5, maxLength: 30 }),
        async (histories, cuts) => {
          const database = await givenDatabase()
          const { events, messages } = await givenRecord(database, batchesOf(histories, cuts))
          for (const projection of projections) {
            const own = events.filter(({ topic }) => topic === projection.topic).sort(inLogOrder)
            for (const basis of bases)
              for (const asOf of boundaries(own, basis)) {
                const expected = fold(
                  projection,
                  own.filter((event) => isIn(asOf, event)).map(({ record }) => record),
                )
                const query = { conditions: [], after: null, asOf }
                const { rows, position } = await database.transaction(
                  audited((transaction) => listRows(transaction, projection, query, 1000), asOf),
                )
                expect(new Map(rows.map(({ key, row }) => [key, row]))).toEqual(expected)
                expect(position).toEqual(expectedPosition(messages, asOf))
              }
          }
          await database.close()
        },
      ),
      { numRuns: 4, seed: 20_261_123, endOnFailure: true },
    )
  }, 120_000)
})
