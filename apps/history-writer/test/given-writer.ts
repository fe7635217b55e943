import { offsetBases } from "@landfall/adapters/history/generations"
import {
  defaultLimits,
  type HistoryWriter,
  type HistoryWriterEvent,
  type HistoryWriterLimits,
  startHistoryWriter,
} from "@landfall/adapters/history/history-writer"
import { type Admin, openAdmin } from "@landfall/adapters/kafka/admin"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { type AnyTopic, topics } from "@landfall/domain/registry"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import { type UntilOptions, until } from "@landfall/sandbox/until"
import { onTestFinished } from "vitest"
import type { House } from "./given-parts.ts"

/** A history writer inside of the test's process, and what it told. */
export interface GivenWriter {
  readonly writer: HistoryWriter
  readonly events: ReadonlyArray<HistoryWriterEvent>
  /** Ends it in order. */
  readonly stop: () => Promise<void>
}

let groups = 0

/** A name for a consumer group that nobody used before. */
export const freshGroup = (): string => `group-${process.pid}-${groups++}`

export interface WriterOptions {
  readonly groupId?: string
  readonly memberName?: string
  readonly limits?: Partial<HistoryWriterLimits>
  /** Stands between the writer and Kafka's answers. */
  readonly admin?: (admin: Admin) => Admin
  readonly deadlineMs?: number
  readonly url?: string
  /** Another program's projections. */
  readonly projections?: ReadonlyArray<AnyProjection>
  /** Another program's topics, which may read less. */
  readonly topics?: ReadonlyArray<AnyTopic>
}

/** Starts the engine as the service does, and stops it after the test. */
export const givenWriter = async (house: House, options: WriterOptions = {}): Promise<GivenWriter> => {
  const connection = {
    ...{ brokers: house.brokers, clientId: "history-writer" },
    bases: offsetBases(() => openDatabase(house.url, { applicationName: "history-writer set-up" })),
  }
  const admin = openAdmin(connection)
  const database = openDatabase(options.url ?? house.url, {
    applicationName: "history-writer",
    role: "landfall_writer",
    ...(options.deadlineMs === undefined ? {} : { deadlineMs: options.deadlineMs }),
  })
  const events: HistoryWriterEvent[] = []
  const writer = await startHistoryWriter({
    kafka: connection,
    groupId: options.groupId ?? freshGroup(),
    memberName: options.memberName ?? null,
    topics: options.topics ?? topics,
    projections: options.projections ?? projections,
    admin: options.admin?.(admin) ?? admin,
    database,
    now: Date.now,
    limits: { ...defaultLimits, ...options.limits },
    onEvent: (event) => events.push(event),
  })
  let stopped: Promise<void> | null = null
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      await writer.stop()
      await database.close()
      admin.close()
    })()
    return stopped
  }
  onTestFinished(stop)
  return { writer, events, stop }
}

/** Waits until as many messages as that, of whatever kind, are in the database. */
export const untilRead = (
  { sql }: House,
  messages: number,
  options: Pick<UntilOptions, "timeoutMs" | "standing"> = {},
): Promise<unknown> => {
  const read = async (): Promise<number> => {
    const [row] = await sql<{ read: string | null }[]>`
      select sum(log_size + duplicates + dead_letters)::text as read from checkpoints`
    return Number(row?.read ?? 0)
  }
  return until(
    `${messages} messages are in the database`,
    async () => {
      const now = await read()
      if (now > messages) throw new Error(`${now} messages are in the database, more than ${messages}`)
      return now === messages ? true : null
    },
    { ...options, standing: async () => ({ read: await read(), standing: await options.standing?.() }) },
  )
}
