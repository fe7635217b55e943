import type { AnyTopic } from "@landfall/domain/registry"
import type { EvidenceQuery } from "../history/evidence-source.ts"
import type { Transaction } from "../postgres/transaction.ts"

/** A dead letter that counts as an event, as the view `retried_letters` has it: like a row of an evidence table. */
export interface RetriedRow {
  readonly kafka_offset: string
  readonly event_id: string
  readonly kafka_timestamp_ms: string
  /** When it was retried: from then on it was known. */
  readonly ingested_at_ms: string
  readonly payload: string
}

/** Letters read at once: each may be as long as a message. */
const pageRows = 200

/** The retried letters of one partition in offset order, one at a time; a page of them is held. */
export async function* readRetried(
  transaction: Transaction,
  topic: AnyTopic,
  { partition, from = 0, to = Number.MAX_SAFE_INTEGER, ingestedUntilMs }: EvidenceQuery,
): AsyncGenerator<RetriedRow> {
  const known =
    ingestedUntilMs === undefined ? "" : "and ingested_at <= to_timestamp($6::double precision / 1000)"
  const bound = ingestedUntilMs === undefined ? [] : [ingestedUntilMs]
  let next = from
  for (;;) {
    const rows = await transaction.query<RetriedRow>(
      `select kafka_offset, event_id::text, kafka_timestamp_ms, payload,
         (extract(epoch from ingested_at) * 1000)::bigint::text as ingested_at_ms
       from retried_letters
       where topic = $1 and topic_partition = $2 and kafka_offset >= $3 and kafka_offset < $4 ${known}
       order by kafka_offset limit $5`,
      [topic.name, partition, next, to, pageRows, ...bound],
    )
    yield* rows
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return
    next = Number(last.kafka_offset) + 1
  }
}
