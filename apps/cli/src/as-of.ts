import { type AsOf, type Basis, bases } from "@landfall/adapters/audit/as-of"
import { audited } from "@landfall/adapters/audit/position"
import { optional, type Values, withDefault } from "@landfall/adapters/config/field"
import { instant, oneOf } from "@landfall/adapters/config/kinds"
import type { Transaction } from "@landfall/adapters/postgres/transaction"
import type { Position } from "@landfall/domain/position"
import { epochMs, timestamp } from "@landfall/domain/timestamp"
import type { AnyProjection } from "@landfall/projections/registry"
import type { Context } from "./context.ts"
import { UsageError } from "./exit-codes.ts"
import { ask, printStanding, type Standing } from "./standing.ts"

/** A key with millions of events is folded from all of them. */
const deadlineMs = 600_000

/** The options of commands that can also answer about the past. */
export const asOfOptions = {
  "as-of": optional(instant, "answer as of this instant, instead of now"),
  "as-of-basis": withDefault(
    oneOf(bases),
    "ingest",
    "ingest: what had been recorded by then; event: what had happened by then, whenever it was recorded",
  ),
}

/** A standing that says by which time it was asked. */
export interface DatedStanding extends Standing {
  readonly as_of_basis: Basis
}

/** The instant that the options name; null for now. */
export const asOfGiven = ({ now }: Context, options: Values<typeof asOfOptions>): AsOf | null => {
  const at = options["as-of"]
  if (at === null) return null
  if (epochMs(at) > now())
    throw new UsageError(`--as-of ${at} has not come yet: name an instant not later than ${timestamp(now())}`)
  return { at, basis: options["as-of-basis"] }
}

/** Asks a question about now or about the past, from one state of the database, and says where the answer stands. */
export const askAsOf = async <Value>(
  context: Context,
  asOf: AsOf | null,
  about: { readonly topics: ReadonlyArray<string>; readonly projection: AnyProjection },
  question: (transaction: Transaction) => Promise<Value>,
): Promise<{ readonly value: Value; readonly standing: DatedStanding }> => {
  const { topics, projection } = about
  if (asOf === null) {
    const { value, standing } = await ask(context, topics, question)
    return { value, standing: { ...standing, as_of_basis: "ingest" } }
  }
  const { rows, position } = await context.connections
    .database("landfall_auditor")
    .transaction(audited(question, asOf, projection), { mode: "repeatable read read only", deadlineMs })
  const behind = (context.now() - epochMs(asOf.at)) / 1000
  return {
    value: rows,
    standing: {
      as_of: asOf.at,
      as_of_basis: asOf.basis,
      position: ofTopics(position, topics),
      behind_seconds: Object.fromEntries(topics.map((topic) => [topic, behind])),
    },
  }
}

const ofTopics = (position: Position, topics: ReadonlyArray<string>): Position =>
  Object.fromEntries(topics.map((topic) => [topic, position[topic] ?? {}]))

/** The last lines of an answer for people; of one about the past, in which sense it was so then. */
export const printDatedStanding = (context: Context, asOf: AsOf | null, standing: DatedStanding): void => {
  if (asOf === null) return printStanding(context, standing)
  printStanding(context, { ...standing, behind_seconds: {} })
  const sense = asOf.basis === "ingest" ? "what had been recorded by then" : "what had happened by then"
  context.output.line(context.output.paint("yellow", `the past: ${sense}`))
}
