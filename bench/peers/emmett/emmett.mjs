import { createReadStream } from "node:fs"
import { writeFile } from "node:fs/promises"
import { createInterface } from "node:readline"
import {
  getPostgreSQLEventStore,
  pongoSingleStreamProjection,
  rebuildPostgreSQLProjections,
} from "@event-driven-io/emmett-postgresql"
import pg from "pg"

// The fold of Landfall's funding_transfer with Emmett's PostgreSQL event store: a stream a transfer, and a Pongo
// projection that is rebuilt from all events. Prints what appending and rebuilding took, and writes the rows to a
// file, one JSON object a line.
//
// Two empty databases, because the fastest way to append is not one that can be rebuilt from: a rebuild reads events in
// the order of their transactions and goes on after the last one's global position, so that it skips events which were
// appended at the same time (0.42.0). What is rebuilt was appended one call after the other.
//
// Arguments: URL of the database to append to, of the one to rebuild, file with the events (one JSON object a line),
// file for the rows.

const [appendUrl, rebuildUrl, eventsFile, rowsFile] = process.argv.slice(2)

/** Events of one stream within such a portion are appended by one call: as many as there could be in Landfall's batches. */
const portionEvents = 4_000
/** Calls at the same time, as many as the store's pool has connections. */
const appendsAtOnce = 10
/** Of the batch sizes of Emmett's own benchmark; its defaults, 100 a batch and a pause of 50 ms after each, are slower. */
const pulling = { batchSize: 1_000, pullingFrequencyInMs: 1 }

const readEvents = async () => {
  const events = []
  for await (const line of createInterface({ input: createReadStream(eventsFile) }))
    events.push(JSON.parse(line))
  return events
}

/** Appends in order within each stream; `perCall` events of a stream at most by one call. */
const appendAll = async (store, events, { atOnce, perCall, prefix = "" }) => {
  for (let from = 0; from < events.length; from += portionEvents) {
    const portion = events.slice(from, from + portionEvents)
    const streams = [...Map.groupBy(portion, ({ transfer_id }) => transfer_id)]
    const worker = async () => {
      for (let next = streams.pop(); next !== undefined; next = streams.pop()) {
        const [transfer_id, observations] = next
        for (let at = 0; at < observations.length; at += perCall)
          await store.appendToStream(
            `${prefix}funding_transfer-${transfer_id}`,
            observations.slice(at, at + perCall).map((data) => ({ type: "FundingObserved", data })),
          )
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  }
}

const projection = pongoSingleStreamProjection({
  collectionName: "funding_transfer",
  canHandle: ["FundingObserved"],
  evolve: (row, { data: seen }) => {
    if (row === null) return { ...seen, observations: 1 }
    if (seen.revision <= row.revision) return row
    return {
      ...seen,
      tx_hash: row.tx_hash ?? seen.tx_hash,
      first_seen_at: row.first_seen_at,
      observations: row.observations + 1,
    }
  },
})

const timed = async (work) => {
  const began_ms = performance.now()
  await work()
  return performance.now() - began_ms
}

/** A store in an empty database, its tables made. */
const openStore = async (connectionString) => {
  const store = getPostgreSQLEventStore(connectionString, { schema: { autoMigration: "None" } })
  await store.schema.migrate()
  return store
}

const events = await readEvents()
const store = await openStore(appendUrl)
const all = Number.POSITIVE_INFINITY
const append_ms = await timed(() => appendAll(store, events, { atOnce: appendsAtOnce, perCall: 1 }))
const append_grouped_ms = await timed(() =>
  appendAll(store, events, { atOnce: appendsAtOnce, perCall: all, prefix: "grouped-" }),
)
await store.close()

// Not timed, so it need not wait for the disk at each commit; the rebuild does, as PostgreSQL is installed.
const hasty = new URL(rebuildUrl)
hasty.searchParams.set("options", "-c synchronous_commit=off")
const ordered = await openStore(hasty.href)
await appendAll(ordered, events, { atOnce: 1, perCall: all })
await ordered.close()
const consumer = rebuildPostgreSQLProjections({ connectionString: rebuildUrl, projection, pulling })
const rebuild_ms = await timed(() => consumer.start())
await consumer.close()

const client = new pg.Client({ connectionString: rebuildUrl })
await client.connect()
const { rows } = await client.query("select data from funding_transfer")
await client.end()
await writeFile(rowsFile, rows.map(({ data }) => `${JSON.stringify(data)}\n`).join(""))
process.stdout.write(`${JSON.stringify({ append_ms, append_grouped_ms, rebuild_ms })}\n`)
