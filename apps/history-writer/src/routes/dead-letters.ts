import { audited } from "@landfall/adapters/audit/position"
import { optional } from "@landfall/adapters/config/field"
import { oneOf, text } from "@landfall/adapters/config/kinds"
import { letterStates } from "@landfall/adapters/dead-letters/letter"
import { letterCursor, letterList, letterSort } from "@landfall/adapters/dead-letters/letter-page"
import { listDegraded, listLetters } from "@landfall/adapters/dead-letters/list"
import { pageLimit, pageOf } from "@landfall/adapters/http/pagination"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import type { Transaction } from "@landfall/adapters/postgres/transaction"
import { type Questions, translated } from "./questions.ts"

/** What could not be read, and the keys that may lack it. */
export const deadLetterRoutes = (questions: Questions): ReadonlyArray<Route> => [
  defineRoute({
    method: "GET",
    url: "/v1/dead-letters",
    summary: "Messages that could not be read, newest first: open, retried (an event since) or dismissed",
    query: {
      topic: optional(text, "only of this topic"),
      key: optional(text, "only with this message key"),
      state: optional(oneOf(letterStates), "only those that stand so"),
      limit: pageLimit,
      cursor: optional(letterCursor, "where the page begins"),
    },
    handler: async ({ query: { limit, cursor, ...filter }, signal }) => {
      const { rows, position } = await asked(questions, signal, (transaction) =>
        listLetters(transaction, filter, cursor, limit + 1),
      )
      return { position, ...pageOf(letterList, rows, limit, letterSort) }
    },
  }),
  defineRoute({
    method: "GET",
    url: "/v1/degraded-keys",
    summary: "Keys that have an open dead letter, so their state may be incomplete",
    query: { limit: pageLimit },
    handler: async ({ query: { limit }, signal }) => {
      const { rows, position } = await asked(questions, signal, (transaction) =>
        listDegraded(transaction, limit),
      )
      return { position, items: rows }
    },
  }),
]

const asked = <Rows>(
  { readers }: Questions,
  signal: AbortSignal,
  question: (transaction: Transaction) => Promise<Rows>,
) => translated(() => readers.ask(audited(question), signal))
