import { timestamp } from "@landfall/domain/timestamp"
import { Schema } from "effect"
import { defineRoute, type Route } from "../http/route.ts"
import type { Readiness } from "../http/standard-routes.ts"
import type { Logger } from "../log/log.ts"
import type { PollingEvent, PollingPublisher, PollingStatus } from "./polling-publisher.ts"
import { messageOf } from "./source.ts"

const Paused = Schema.Struct({ paused: Schema.Boolean })

/** `POST /pause` and `/resume`. Both may be repeated; a restart forgets a pause. */
export const pauseRoutes = (
  publisher: Pick<PollingPublisher<unknown>, "pause" | "resume">,
): readonly Route[] => [
  defineRoute({
    method: "POST",
    url: "/pause",
    summary: "Ask and publish nothing until resumed",
    description:
      "Answers once nothing is published any more. Pausing twice is pausing once; a restart forgets it.",
    response: Paused,
    handler: async () => {
      await publisher.pause()
      return { paused: true }
    },
  }),
  defineRoute({
    method: "POST",
    url: "/resume",
    summary: "Ask at once, and go on publishing",
    response: Paused,
    handler: () => {
      publisher.resume()
      return { paused: false }
    },
  }),
]

/** Ready once the transactional id is held, the own topic was read to its end and the outside answered once. */
export const readinessOf = (status: PollingStatus<unknown>): Readiness => {
  const reasons = [
    ...(status.open ? [] : [`Kafka: ${status.kafka_error ?? "the own topic was not read to its end yet"}`]),
    ...(isHanging(status) ? ["Kafka: a transaction has been waiting for an answer for seconds"] : []),
    ...(status.polled ? [] : [status.poll_error ?? "nothing was asked yet"]),
    ...clockReasons(status),
  ]
  return { ready: reasons.length === 0, reasons }
}

/** A transaction takes milliseconds; after this long Kafka is away. */
const committing_ms_max = 5_000

const isHanging = ({ committing_ms }: PollingStatus<unknown>): boolean =>
  (committing_ms ?? 0) > committing_ms_max

const clockReasons = ({ clock_behind }: PollingStatus<unknown>): ReadonlyArray<string> =>
  clock_behind.map(
    (key) =>
      `this machine's clock is behind the newest record of ${key}; nothing is published for it until the clock has caught up`,
  )

/** How publishing stands, as `/state` shows it. */
export const shownPublishing = (status: PollingStatus<unknown>) => ({
  paused: status.paused_since_ms !== null,
  paused_since: status.paused_since_ms === null ? null : timestamp(status.paused_since_ms),
  publishing: {
    state: status.open && !isHanging(status) ? ("ok" as const) : ("down" as const),
    published: status.published_count,
    last_published_at: status.last_published_ms === null ? null : timestamp(status.last_published_ms),
    last_error: status.kafka_error,
    clock_behind: status.clock_behind,
  },
  last_poll_error: status.poll_error,
})

/** What {@link shownPublishing} looks like, for the documentation of `/state`. */
export const publishingFields = {
  paused: Schema.Boolean,
  paused_since: Schema.NullOr(Schema.String),
  publishing: Schema.Struct({
    state: Schema.Literals(["ok", "down"]),
    published: Schema.Int,
    last_published_at: Schema.NullOr(Schema.String),
    last_error: Schema.NullOr(Schema.String),
    clock_behind: Schema.Array(Schema.String),
  }),
  last_poll_error: Schema.NullOr(Schema.String),
}

/** What `shownHealth` looks like. */
export const ShownHealth = Schema.Struct({
  state: Schema.Literals(["ok", "down", "stale"]),
  last_success_at: Schema.NullOr(Schema.String),
  age_seconds: Schema.NullOr(Schema.Number),
  last_error: Schema.NullOr(Schema.String),
  last_error_at: Schema.NullOr(Schema.String),
  failures: Schema.Int,
})

/** Writes what a polling publisher does to the log; a trouble that repeats is one line until it changes or ends. */
export const pollingLog = (log: Logger) => {
  const troubles = new Map<"kafka" | "poll", string>()
  const troubled = (of: "kafka" | "poll", what: string, error: unknown): void => {
    const words = `${what}: ${messageOf(error)}`
    if (words !== troubles.get(of)) log.warn({ err: error }, words)
    troubles.set(of, words)
  }
  return (event: PollingEvent): void => {
    if (event.type === "open_failed") troubled("kafka", "Kafka cannot be published to yet", event.error)
    if (event.type === "publish_failed")
      troubled("kafka", "a publication failed; the own topic is read again before the next", event.error)
    if (event.type === "opened") {
      troubles.delete("kafka")
      log.info({ known: event.known }, "the transactional id is held and the own topic was read to its end")
    }
    if (event.type === "poll_failed") troubled("poll", "a poll failed; what was known stays", event.error)
    if (event.type === "polled" && troubles.delete("poll")) log.info("polls are answered again")
    if (event.type === "published") log.debug({ records: event.records, took_ms: event.took_ms }, "published")
  }
}
