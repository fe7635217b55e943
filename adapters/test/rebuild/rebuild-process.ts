import { fundingTransfer } from "@landfall/projections/funding-transfer"
import { openDatabase } from "../../src/postgres/transaction.ts"
import { rebuildProjection } from "../../src/rebuild/rebuild.ts"

// A rebuild in a process of its own, to be killed: it tells each step on stdout, in small pieces.
const database = openDatabase(process.argv[2] ?? "", { applicationName: "rebuild", role: "landfall_writer" })
const { events } = await rebuildProjection(database, fundingTransfer, {
  promote: true,
  limits: { segmentOffsets: 150, flushEvents: 100 },
  onProgress: ({ phase, events }) => process.stdout.write(`${phase} ${events}\n`),
})
process.stdout.write(`done ${events}\n`)
await database.close()
