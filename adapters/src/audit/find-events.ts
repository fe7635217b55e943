import { topics } from "@landfall/domain/registry"
import { arrayLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { type EventEntry, entryColumns, entryOf } from "./events.ts"

/** The events that have those ids, of all topics, by id; each is looked for in the unique index of every topic. */
export const findEvents = async (
  transaction: Transaction,
  ids: ReadonlyArray<string>,
): Promise<ReadonlyMap<string, EventEntry>> => {
  const found = new Map<string, EventEntry>()
  if (ids.length === 0) return found
  const parameters = [arrayLiteral(ids)]
  for (const topic of topics) {
    const rows = await transaction.query<Parameters<typeof entryOf>[1] & { readonly retried: boolean }>(
      `select ${entryColumns}, false as retried from ${topic.evidenceTable} where event_id = any($1::text::uuid[])
       union all select ${entryColumns}, true from retried_letters
       where topic = $2 and event_id = any($1::text::uuid[])`,
      [...parameters, topic.name],
    )
    for (const row of rows) found.set(row.event_id, entryOf(topic, row, row.retried))
  }
  return found
}
