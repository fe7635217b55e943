import { parentPort, workerData } from "node:worker_threads"
import { projections } from "@landfall/projections/registry"
import { valueFolder } from "./folding.ts"
import type { FromWorker, ToWorker } from "./worker-folding.ts"

// The other side of worker-folding.ts: decodes and folds in a thread of its own, while the client that reads Kafka, which
// takes most of a thread for itself, goes on reading.

/** Rows sent at once, so that the state is never there twice as a whole. */
const rowsAtOnce = 5_000

const projection = projections.find(({ name }) => name === workerData)
if (parentPort === null || projection === undefined) throw new Error(`there is no projection ${workerData}`)
const port = parentPort
const tell = (message: FromWorker): void => port.postMessage(message)
const { fold, folded } = valueFolder(projection)

const giveRows = (): void => {
  const { rows, events, unreadable } = folded()
  let part: Array<readonly [string, unknown]> = []
  for (const [key, row] of rows) {
    part.push([key, row])
    rows.delete(key)
    if (part.length < rowsAtOnce) continue
    tell({ type: "rows", rows: part })
    part = []
  }
  tell({ type: "rows", rows: part })
  tell({ type: "result", events, unreadable })
}

port.on("message", (message: ToWorker) => {
  if (message === "result") return giveRows()
  const { bytes, lengths } = message
  let at = 0
  for (const length of lengths) {
    fold(length < 0 ? null : bytes.subarray(at, at + length))
    if (length > 0) at += length
  }
  tell({ type: "folded" })
})
