import { optional } from "@landfall/adapters/config/field"
import { text } from "@landfall/adapters/config/kinds"
import { listObservations, listTransfers } from "@landfall/adapters/history/audit-queries"
import { badField } from "@landfall/adapters/http/http-error"
import { type Cursor, cursorOf, pageLimit, pageOf } from "@landfall/adapters/http/pagination"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import type { Database } from "@landfall/adapters/postgres/transaction"
import { answer } from "./answer.ts"

const filters = {
  funding_handle: optional(text, "only this deposit address"),
  tx_hash: optional(text, "only this transaction on the chain"),
  asset_id: optional(text, "only this asset"),
  status: optional(text, "only transfers of this status"),
}

/** The audit queries: every answer says at which position of the topics it stands. */
export const auditRoutes = (database: Database): ReadonlyArray<Route> => [
  defineRoute({
    method: "GET",
    url: "/v1/transfers",
    summary: "The current state of each inbound transfer",
    query: {
      ...filters,
      limit: pageLimit,
      cursor: optional(cursorOf("transfers", 1), "where the page begins"),
    },
    handler: async ({ query: { limit, cursor, ...filter } }) => {
      const after = cursor === null ? null : transferOf(cursor)
      const { rows, position } = await answer(() => listTransfers(database, filter, after, limit))
      return { position, ...pageOf("transfers", rows, limit, (row) => [row.transfer_id]) }
    },
  }),
  defineRoute({
    method: "GET",
    url: "/v1/observations",
    summary: "Funding observations as they were recorded, with their place in Kafka and exact payload",
    query: {
      ...filters,
      transfer_id: optional(text, "only this transfer"),
      limit: pageLimit,
      cursor: optional(cursorOf("observations", 2), "where the page begins"),
    },
    handler: async ({ query: { limit, cursor, ...filter } }) => {
      const after = cursor === null ? null : placeOf(cursor)
      const { rows, position } = await answer(() => listObservations(database, filter, after, limit))
      return {
        position,
        ...pageOf("observations", rows, limit, (row) => [
          String(row.topic_partition),
          String(row.kafka_offset),
        ]),
      }
    },
  }),
]

/** A cursor is made by us and comes back from anybody. */
const refuseCursor = (list: string) =>
  badField("cursor", "it is not a cursor of this list", `a next_cursor that ${list} gave`)

const transferOf = ([id = ""]: Cursor): string => {
  if (!/^[0-9a-f-]{36}$/.test(id)) throw refuseCursor("transfers")
  return id
}

const placeOf = ([partition = "", offset = ""]: Cursor): { partition: number; offset: number } => {
  const place = { partition: Number(partition), offset: Number(offset) }
  const isPlace =
    /^\d{1,9}$/.test(partition) && /^\d{1,16}$/.test(offset) && Number.isSafeInteger(place.offset)
  if (!isPlace) throw refuseCursor("observations")
  return place
}
