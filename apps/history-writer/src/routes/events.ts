import {
  type EventsQuery,
  eventColumns,
  listEvents,
  type Place,
  readEvents,
} from "@landfall/adapters/audit/events"
import { chosenFormat } from "@landfall/adapters/audit/export"
import { conditionsOf, fieldsOf, filtersOf } from "@landfall/adapters/audit/filters"
import { optional } from "@landfall/adapters/config/field"
import { limits } from "@landfall/adapters/config/limits"
import { badField } from "@landfall/adapters/http/http-error"
import { type Cursor, cursorOf, encodeCursor } from "@landfall/adapters/http/pagination"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import { type AnyTopic, topics } from "@landfall/domain/registry"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { Schema } from "effect"
import { exported, listFields, streamTypes } from "./exports.ts"
import { answer, asOfOf, awaitPosition, type Questions, standingFields } from "./questions.ts"
import { type Documented, entryFields, pageSchema } from "./schemas.ts"

/** The events of every topic as they were recorded; funding observations also under their own name. */
export const eventRoutes = (questions: Questions): ReadonlyArray<Route> => [
  eventsRoute(questions, fundingObservationTopic, "observations", "observations"),
  ...topics.map((topic) => {
    const name = topic.evidenceTable.replaceAll("_", "-")
    return eventsRoute(questions, topic, `evidence/${name}`, name)
  }),
]

const eventsRoute = (questions: Questions, topic: AnyTopic, path: string, list: string): Route => {
  const columns = eventColumns(topic)
  return defineRoute({
    method: "GET",
    url: `/v1/${path}`,
    summary: `Events of ${topic.name} as they were recorded, with their place in Kafka and exact payload`,
    streams: streamTypes,
    query: {
      ...filtersOf({ columns, fields: fieldsOf(topic.schema) }),
      ...standingFields,
      ...listFields,
      cursor: optional(cursorOf(list, 2), "where the page begins"),
    },
    response: pageSchema(Schema.Struct(entryFields) as Documented),
    handler: async ({ query, accept, signal }) => {
      const wanted: Omit<EventsQuery, "asOf"> = {
        conditions: conditionsOf(columns, query),
        after: query.cursor === null ? null : placeOf(query.cursor, list),
      }
      const format = chosenFormat(query.format, accept)
      if (format !== null) {
        const asOf = asOfOf(query, questions.now())
        await awaitPosition(questions, query, signal)
        return exported(questions, format, asOf, signal, {
          columns: Object.keys(entryFields),
          projection: null,
          pages: (transaction) =>
            readEvents(transaction, topic, { ...wanted, asOf }, limits.audit.export_page_rows),
        })
      }
      const limit = query.limit ?? limits.http.page_rows_default
      return answer(questions, query, signal, async (transaction, asOf) => {
        const { events, more } = await listEvents(transaction, topic, { ...wanted, asOf }, limit)
        const last = more ? events.at(-1) : undefined
        const next = last && [String(last.topic_partition), String(last.kafka_offset)]
        return { items: events, next_cursor: next === undefined ? null : encodeCursor(list, next) }
      })
    },
  })
}

/** A cursor is made by us and comes back from anybody. */
const placeOf = ([partition = "", offset = ""]: Cursor, list: string): Place => {
  const place = { partition: Number(partition), offset: Number(offset) }
  const isPlace =
    /^\d{1,9}$/.test(partition) && /^\d{1,16}$/.test(offset) && Number.isSafeInteger(place.offset)
  if (!isPlace) throw badField("cursor", "it is not a cursor of this list", `a next_cursor that ${list} gave`)
  return place
}
