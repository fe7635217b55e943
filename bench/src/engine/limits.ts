import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"

const table = fundingObservationTopic.evidenceTable
const deadlineMs = 600_000

/** The rate at which one COPY takes the rows just written into an empty table with the same columns and indexes. */
export const rawCopyIn = async (databaseUrl: string, events: number): Promise<number> => {
  const database = openDatabase(databaseUrl, { applicationName: "bench-copy", deadlineMs })
  try {
    const rows = await database.transaction(async (transaction) => {
      await transaction.script(`create table raw_copy (like ${table} including all)`)
      const chunks: Buffer[] = []
      for await (const chunk of await transaction.copyOut(
        `copy (select * from ${table} order by ingested_at, topic_partition, kafka_offset) to stdout (format binary)`,
      ))
        chunks.push(chunk)
      return chunks
    })
    const began_ms = performance.now()
    await database.transaction((transaction) =>
      transaction.copyIn("copy raw_copy from stdin (format binary)", rows),
    )
    const rate = (events / (performance.now() - began_ms)) * 1000
    await database.transaction((transaction) => transaction.script("drop table raw_copy"))
    return rate
  } finally {
    await database.close()
  }
}

/** The rate at which PostgreSQL gives the payloads in the order of the log, with nothing done with them. */
export const rawCopyOut = async (databaseUrl: string, events: number): Promise<number> => {
  const database = openDatabase(databaseUrl, { applicationName: "bench-copy", deadlineMs })
  try {
    const began_ms = performance.now()
    await database.transaction(async (transaction) => {
      for await (const _ of await transaction.copyOut(
        `copy (select payload from ${table} order by topic_partition, kafka_offset) to stdout`,
      )) {
        // Taken and dropped: the limit is what it costs to have the bytes at all.
      }
    })
    return (events / (performance.now() - began_ms)) * 1000
  } finally {
    await database.close()
  }
}

/** The rate at which `JSON.parse` alone reads these texts. */
export const rawParse = (texts: ReadonlyArray<string>): number => {
  const began_ms = performance.now()
  for (const text of texts) JSON.parse(text)
  return (texts.length / (performance.now() - began_ms)) * 1000
}
