import { epochMs } from "@landfall/domain/timestamp"
import type { Topic } from "@landfall/domain/topic"

/** When a record that was just read is worth an event. */
export interface Cadence<Record> {
  readonly topic: Topic<Record>
  /** Whether two records of a key say the same, apart from their ids and times. */
  readonly same: (published: Record, read: Record) => boolean
  /** An unchanged record is published again after so long, so that readers can tell unchanged from unread. */
  readonly heartbeat_ms: number
}

/** What to publish of the records that were read, and what must wait for the clock. */
export interface Due<Record> {
  readonly publish: ReadonlyArray<Record>
  /** Records that are not newer than what is published under their key: this machine's clock went back. */
  readonly behind: ReadonlyArray<Record>
}

/**
 * Chooses the records to publish: those that changed, and those whose heartbeat is due. One that is not later than the
 * last published is held back, because readers would take it for old news, and because equal times give equal ids.
 */
export const dueRecords = <Record>(
  { topic, same, heartbeat_ms }: Cadence<Record>,
  published: ReadonlyMap<string, Record>,
  read: ReadonlyArray<Record>,
): Due<Record> => {
  const publish: Record[] = []
  const behind: Record[] = []
  for (const record of read) {
    const before = published.get(topic.key(record))
    if (before === undefined) {
      publish.push(record)
      continue
    }
    const later_ms = epochMs(topic.occurredAt(record)) - epochMs(topic.occurredAt(before))
    if (later_ms <= 0) behind.push(record)
    else if (later_ms >= heartbeat_ms || !same(before, record)) publish.push(record)
  }
  return { publish, behind }
}
