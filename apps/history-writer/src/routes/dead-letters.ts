import type { Audited } from "@landfall/adapters/audit/ask"
import { listDeadLetters, listDegradedKeys } from "@landfall/adapters/audit/dead-letters"
import { pageLimit } from "@landfall/adapters/http/pagination"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import type { Database } from "@landfall/adapters/postgres/transaction"
import { answer } from "./answer.ts"

/** What could not be read, and the keys that may lack it. */
export const deadLetterRoutes = (database: Database): ReadonlyArray<Route> => [
  defineRoute({
    method: "GET",
    url: "/v1/dead-letters",
    summary: "Messages that could not be read, newest first",
    query: { limit: pageLimit },
    handler: async ({ query: { limit } }) => items(await answer(() => listDeadLetters(database, limit))),
  }),
  defineRoute({
    method: "GET",
    url: "/v1/degraded-keys",
    summary: "Keys that have a message that could not be read, so their state may be incomplete",
    query: { limit: pageLimit },
    handler: async ({ query: { limit } }) => items(await answer(() => listDegradedKeys(database, limit))),
  }),
]

const items = <Row>({ rows, position }: Audited<ReadonlyArray<Row>>) => ({ position, items: rows })
