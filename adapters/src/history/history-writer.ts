import type { AnyTopic } from "@landfall/domain/registry"
import type { AnyProjection } from "@landfall/projections/registry"
import type { Admin } from "../kafka/admin.ts"
import type { KafkaConnection } from "../kafka/configuration.ts"
import type { openConsumer } from "../kafka/consumer.ts"
import type { Database } from "../postgres/transaction.ts"
import type { Ingested } from "./ingest.ts"
import type { HistoryTables } from "./tables.ts"
import { Writer } from "./writer.ts"

/** What a history writer needs; the clock is given, so that a test can hold it. */
export interface HistoryWriterOptions {
  readonly kafka: KafkaConnection
  readonly groupId: string
  /** A name of this instance that stays over restarts, or null for one that comes and goes. */
  readonly memberName?: string | null
  readonly topics: ReadonlyArray<AnyTopic>
  /** What is folded; the registry's unless told. */
  readonly projections?: ReadonlyArray<AnyProjection>
  readonly admin: Admin
  readonly database: Database
  readonly now: () => number
  readonly limits: HistoryWriterLimits
  readonly onEvent?: (event: HistoryWriterEvent) => void
  /** What stands for Kafka's client and PostgreSQL's tables in a simulation; the real ones unless told. */
  readonly openConsumer?: typeof openConsumer
  readonly tables?: HistoryTables
}

/** Bounds of what is held in memory and of how long is waited. */
export interface HistoryWriterLimits {
  readonly batchMessagesMax: number
  /** Bytes of keys, headers and values that may wait for PostgreSQL; at most one portion more. */
  readonly batchBytesMax: number
  /** Messages taken from the client at once: how long decoding may hold up everything else. */
  readonly portionMessagesMax: number
  readonly cachedRowsMax: number
  readonly queuedBytesMax: number
  readonly waitMs: number
  readonly retryMs: number
  readonly auditMs: number
}

/** Limits for two cores: batches long enough to spread the cost of a transaction, short enough for a fresh snapshot. */
export const defaultLimits: HistoryWriterLimits = {
  batchMessagesMax: 16_384,
  batchBytesMax: 32 * 1024 * 1024,
  portionMessagesMax: 512,
  cachedRowsMax: 100_000,
  queuedBytesMax: 32 * 1024 * 1024,
  waitMs: 100,
  retryMs: 250,
  auditMs: 5_000,
}

/** What happened, for logs, metrics and tests. */
export type HistoryWriterEvent =
  | { readonly type: "assigned"; readonly partitions: ReadonlyArray<string> }
  | { readonly type: "written"; readonly ingested: Ingested; readonly tookMs: number }
  | { readonly type: "retrying"; readonly error: unknown }
  | { readonly type: "stopped"; readonly error: unknown }

/** A partition as this writer has it. */
export interface PartitionStatus {
  readonly topic: string
  readonly partition: number
  readonly next_offset: number
  readonly end_offset: number | null
  readonly lag: number | null
  readonly evidence: number
  readonly duplicates: number
  readonly dead_letters: number
  readonly updated_at: string
}

/** A running history writer. */
export interface HistoryWriter {
  /** The partitions this instance has now; empty while the group hands them out. */
  readonly partitions: () => ReadonlyArray<PartitionStatus>
  /** Why nothing is being written at the moment; null when all is well. */
  readonly trouble: () => string | null
  /** Resolves when it was stopped, rejects with {@link LogBroken} or another reason that needs an operator. */
  readonly done: Promise<void>
  /** Ends the transaction under way, then leaves the group; what was read and not written will be read again. */
  readonly stop: () => Promise<void>
}

/** Joins the group and writes until stopped. */
export const startHistoryWriter = async (options: HistoryWriterOptions): Promise<HistoryWriter> => {
  const writer = new Writer(options)
  await writer.open()
  return writer
}
