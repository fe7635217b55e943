import { chosenFormat } from "@landfall/adapters/audit/export"
import { conditionsOf, fieldsOf, filtersOf } from "@landfall/adapters/audit/filters"
import { type FoundRow, findRow, listRows, readRows } from "@landfall/adapters/audit/rows"
import { listTimeline, type TimelinePlace } from "@landfall/adapters/audit/timeline"
import { optional, required } from "@landfall/adapters/config/field"
import { text } from "@landfall/adapters/config/kinds"
import { limits } from "@landfall/adapters/config/limits"
import { badField, notFound } from "@landfall/adapters/http/http-error"
import { type Cursor, cursorOf, pageLimit, pageOf } from "@landfall/adapters/http/pagination"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import { Schema } from "effect"
import { exported, listFields, streamTypes } from "./exports.ts"
import { answer, asOfOf, awaitPosition, type Questions, standingFields } from "./questions.ts"
import { type Documented, pageSchema, timelineSchema } from "./schemas.ts"

/** Rows of every projection, as they are or as they were: lists, single rows and their timelines. */
export const rowRoutes = (questions: Questions): ReadonlyArray<Route> =>
  projections.flatMap((projection) => [
    listRoute(questions, projection),
    rowRoute(questions, projection),
    timelineRoute(questions, projection),
  ])

/** A row as answers show it: with the place of the event that changed it last. */
const shown = ({ row, partition, offset }: FoundRow) => ({
  ...(row as object),
  topic_partition: partition,
  kafka_offset: offset,
})

const rowSchema = (projection: AnyProjection) =>
  Schema.Struct({
    ...projection.row.fields,
    topic_partition: Schema.Int,
    kafka_offset: Schema.Int,
  }) as Documented

const words = (projection: AnyProjection): string => projection.list.replaceAll("-", " ")

const listRoute = (questions: Questions, projection: AnyProjection): Route => {
  const { list, columns, row } = projection
  const names = [...Object.keys(columns), "topic_partition", "kafka_offset"]
  return defineRoute({
    method: "GET",
    url: `/v1/${list}`,
    summary: `The ${words(projection)}, as they are or as they were: current rows of ${projection.name}, by key`,
    description:
      "Each row has the place of the event that changed it last. With `as_of` the rows are folded from the events that count as of that instant.",
    streams: streamTypes,
    query: {
      ...filtersOf({ columns, fields: fieldsOf(row) }),
      ...standingFields,
      ...listFields,
      cursor: optional(cursorOf(list, 1), "where the page begins"),
    },
    response: pageSchema(rowSchema(projection)),
    handler: async ({ query, accept, signal }) => {
      const after = query.cursor === null ? null : keyOfCursor(query.cursor)
      const conditions = conditionsOf(columns, query)
      const format = chosenFormat(query.format, accept)
      if (format !== null) {
        const asOf = asOfOf(query, questions.now())
        await awaitPosition(questions, query, signal)
        return exported(questions, format, asOf, signal, {
          columns: names,
          projection,
          pages: async function* (transaction) {
            const wanted = { conditions, after, asOf }
            for await (const page of readRows(transaction, projection, wanted, limits.audit.export_page_rows))
              yield page.map(shown)
          },
        })
      }
      const limit = query.limit ?? limits.http.page_rows_default
      return answer(
        questions,
        query,
        signal,
        async (transaction, asOf) => {
          const rows = await listRows(transaction, projection, { conditions, after, asOf }, limit + 1)
          const page = pageOf(list, rows, limit, ({ key }) => [key])
          return { ...page, items: page.items.map(shown) }
        },
        projection,
      )
    },
  })
}

/** A cursor is made by us and comes back from anybody. */
const keyOfCursor = ([key = ""]: Cursor): string => {
  if (!text.read(key).ok && !/^[^\p{Cc}]{1,1100}$/u.test(key))
    throw badField("cursor", "it is not a cursor of this list", "a next_cursor that this list gave")
  return key
}

const keyField = (projection: AnyProjection) => ({
  key: required(text, `the key of the row: ${projection.keyColumns.join(":")}`),
})

const noRow = (projection: AnyProjection, key: string, as_of: string | null) =>
  notFound(
    `${projection.name} has no row ${JSON.stringify(key)}${as_of === null ? "" : ` as of ${as_of}`}; /v1/${projection.list} lists what there is`,
  )

const rowRoute = (questions: Questions, projection: AnyProjection): Route =>
  defineRoute({
    method: "GET",
    url: `/v1/${projection.list}/:key`,
    summary: `One row of the ${words(projection)}, as it is or as it was`,
    query: standingFields,
    params: keyField(projection),
    response: Schema.Struct({ row: rowSchema(projection) }) as Documented,
    handler: ({ query, params: { key }, signal }) =>
      answer(
        questions,
        query,
        signal,
        async (transaction, asOf) => {
          const row = await findRow(transaction, projection, key, asOf)
          if (row === null) throw noRow(projection, key, query.as_of)
          return { row: shown(row) }
        },
        projection,
      ),
  })

const timelineRoute = (questions: Questions, projection: AnyProjection): Route => {
  const cursorName = `${projection.list}-timeline`
  return defineRoute({
    method: "GET",
    url: `/v1/${projection.list}/:key/timeline`,
    summary: `What happened to one row of the ${words(projection)}, event by event`,
    description:
      "Each event with its place in Kafka, its times and exact message, and what it changed field by field; raises and clears of alerts about the row stand where they were written.",
    query: {
      ...standingFields,
      limit: pageLimit,
      cursor: optional(cursorOf(cursorName, 3), "where the page begins"),
    },
    params: keyField(projection),
    response: timelineSchema,
    handler: ({ query, params: { key }, signal }) => {
      const after = query.cursor === null ? null : timelinePlace(query.cursor)
      return answer(
        questions,
        query,
        signal,
        async (transaction, asOf) => {
          const keyed = await findRow(transaction, projection, key, null)
          if (keyed === null) throw noRow(projection, key, query.as_of)
          const steps = await listTimeline(transaction, projection, keyed, {
            after,
            asOf,
            limit: query.limit + 1,
          })
          const page = pageOf(cursorName, steps, query.limit, ({ place }) => [
            String(place.event?.partition ?? "-"),
            String(place.event?.offset ?? "-"),
            String(place.alerts),
          ])
          return { ...page, items: page.items.map(({ place: _, ...step }) => step) }
        },
        projection,
      )
    },
  })
}

const timelinePlace = ([partition = "", offset = "", alerts = ""]: Cursor): TimelinePlace => {
  const isNumber = (part: string): boolean => /^\d{1,16}$/.test(part) && Number.isSafeInteger(Number(part))
  const none = partition === "-" && offset === "-"
  if (!isNumber(alerts) || !(none || (/^\d{1,9}$/.test(partition) && isNumber(offset))))
    throw badField("cursor", "it is not a cursor of this list", "a next_cursor that this timeline gave")
  return {
    event: none ? null : { partition: Number(partition), offset: Number(offset) },
    alerts: Number(alerts),
  }
}
