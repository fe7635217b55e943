import { Worker } from "node:worker_threads"
import type { Rows } from "@landfall/projections/fold"
import type { AnyProjection } from "@landfall/projections/registry"
import type { Folded, Folding } from "./folding.ts"

/** Values one after the other in one buffer, with the length of each; −1 stands for a message without a value. */
interface Values {
  readonly bytes: Uint8Array
  readonly lengths: Int32Array
}

/** What the worker is told. */
export type ToWorker = Values | "result"

/** What the worker tells. */
export type FromWorker =
  | { readonly type: "folded" }
  | { readonly type: "rows"; readonly rows: ReadonlyArray<readonly [string, unknown]> }
  | { readonly type: "result"; readonly events: number; readonly unreadable: number }

/**
 * What may be under way to the worker: so many portions that neither side waits for the other where processors are shared,
 * and a bound on memory where messages are long.
 */
const portionsMax = 16
const bytesMax = 32 * 1024 * 1024

/** Copies the values into one buffer, which is handed over and not copied again. */
const packed = (values: ReadonlyArray<Uint8Array | null>): Values => {
  const lengths = new Int32Array(values.length)
  let total = 0
  for (let place = 0; place < values.length; place++) {
    const length = values[place]?.byteLength ?? -1
    lengths[place] = length
    if (length > 0) total += length
  }
  // Not from the pool of small buffers: it is handed over whole.
  const bytes = Buffer.allocUnsafeSlow(total)
  let at = 0
  for (const value of values) {
    if (value === null) continue
    bytes.set(value, at)
    at += value.byteLength
  }
  return { bytes, lengths }
}

/** Folds in a worker thread, where the rows stay until they are asked for. Only projections of the registry are known there. */
export const foldInWorker = (projection: AnyProjection): Folding => {
  const worker = new Worker(new URL("./fold-worker.ts", import.meta.url), { workerData: projection.name })
  const rows: Rows<unknown> = new Map()
  /** The bytes of each portion under way, in order. */
  const underWay: number[] = []
  let bytesUnderWay = 0
  let failure: unknown = null
  let result: Folded | null = null
  let wake: () => void = () => {}
  worker.on("message", (message: FromWorker) => {
    if (message.type === "folded") bytesUnderWay -= underWay.shift() ?? 0
    else if (message.type === "rows") for (const [key, row] of message.rows) rows.set(key, row)
    else result = { rows, events: message.events, unreadable: message.unreadable }
    wake()
  })
  worker.on("error", (error) => {
    failure = error
    wake()
  })
  worker.on("exit", (code) => {
    failure ??= new Error(`the thread that folds ended with ${code}`)
    wake()
  })
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      if (failure !== null) throw failure
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  const hasRoom = (): boolean => underWay.length < portionsMax && bytesUnderWay < bytesMax
  const tell = (message: ToWorker): void =>
    message === "result"
      ? worker.postMessage(message)
      : worker.postMessage(message, [
          message.bytes.buffer as ArrayBuffer,
          message.lengths.buffer as ArrayBuffer,
        ])
  return {
    add: (values) => {
      if (failure !== null) throw failure
      const portion = packed(values)
      const { byteLength } = portion.bytes
      tell(portion)
      underWay.push(byteLength)
      bytesUnderWay += byteLength
      return hasRoom() ? undefined : until(hasRoom)
    },
    done: () => until(() => underWay.length === 0),
    result: async () => {
      tell("result")
      await until(() => result !== null)
      return result as unknown as Folded
    },
    close: () => {
      failure = new Error("the thread that folds was ended")
      return worker.terminate()
    },
  }
}
