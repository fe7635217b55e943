import { setTimeout as sleep } from "node:timers/promises"
import type { HistoryWriter } from "@landfall/adapters/history/history-writer"
import { KafkaError } from "@landfall/adapters/kafka/configuration"
import { DatabaseError } from "@landfall/adapters/postgres/transaction"

/** A history writer that may still be waiting for Kafka or PostgreSQL to be there. */
export interface OpeningWriter {
  /** The writer, or what stands for it until there is one. */
  readonly now: () => Pick<HistoryWriter, "partitions" | "trouble">
  /** As the writer's own; rejects as well when it cannot be opened for a reason that waiting does not cure. */
  readonly done: Promise<void>
  readonly stop: () => Promise<void>
}

export interface OpeningOptions {
  readonly open: () => Promise<HistoryWriter>
  readonly retryMs: number
  readonly onRetry: (error: unknown) => void
}

/** Opens the writer, again and again while the parts that it needs are away. */
export const openWriter = ({ open, retryMs, onRetry }: OpeningOptions): OpeningWriter => {
  let writer: HistoryWriter | null = null
  let trouble = "starting"
  const stopped = new AbortController()
  const opening = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      try {
        writer = await open()
        break
      } catch (error) {
        if (!isAway(error)) throw error
        trouble = error instanceof Error ? error.message : String(error)
        onRetry(error)
        await sleep(retryMs, undefined, { signal: stopped.signal }).catch(() => {}) // it was stopped meanwhile
      }
    }
  }
  const opened = opening()
  const done = opened.then(() => writer?.done)
  done.catch(() => {}) // whoever awaits `done` hears of it
  return {
    now: () => writer ?? { partitions: () => [], trouble: () => trouble },
    done,
    stop: async () => {
      stopped.abort()
      await opened.catch(() => {})
      await writer?.stop()
    },
  }
}

/** SQLSTATE classes of a server that is not there yet or has no room now: connection, resources, operator's hand. */
const passing = /^(?:08|53|57)/

/** Whether the error says that a part is away, which may pass, and not that something is set up wrongly. */
const isAway = (error: unknown): boolean => {
  if (error instanceof KafkaError) return true
  if (!(error instanceof DatabaseError)) return false
  // Without a SQLSTATE the server has said nothing: the network or the client has (`ECONNREFUSED`, `CONNECTION_CLOSED`).
  return error.code === undefined || !/^[0-9A-Z]{5}$/.test(error.code) || passing.test(error.code)
}
