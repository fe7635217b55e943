import { listDeadLetters, listDegradedKeys } from "@landfall/adapters/audit/dead-letters"
import { audited } from "@landfall/adapters/audit/position"
import { pageLimit } from "@landfall/adapters/http/pagination"
import { defineRoute, type Route } from "@landfall/adapters/http/route"
import type { Transaction } from "@landfall/adapters/postgres/transaction"
import { type Questions, translated } from "./questions.ts"

/** What could not be read, and the keys that may lack it. */
export const deadLetterRoutes = (questions: Questions): ReadonlyArray<Route> => [
  defineRoute({
    method: "GET",
    url: "/v1/dead-letters",
    summary: "Messages that could not be read, newest first",
    query: { limit: pageLimit },
    handler: ({ query: { limit }, signal }) =>
      items(questions, signal, (transaction) => listDeadLetters(transaction, limit)),
  }),
  defineRoute({
    method: "GET",
    url: "/v1/degraded-keys",
    summary: "Keys that have a message that could not be read, so their state may be incomplete",
    query: { limit: pageLimit },
    handler: ({ query: { limit }, signal }) =>
      items(questions, signal, (transaction) => listDegradedKeys(transaction, limit)),
  }),
]

const items = async <Row>(
  { readers }: Questions,
  signal: AbortSignal,
  question: (transaction: Transaction) => Promise<ReadonlyArray<Row>>,
) => {
  const { rows, position } = await translated(() => readers.ask(audited(question), signal))
  return { position, items: rows }
}
