import { byteaLiteral } from "../postgres/literal.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { type ActKind, actLeaf } from "./act-leaf.ts"
import type { LetterPlace } from "./place.ts"

/** Any fixed number will do: all who act on dead letters of this database take the same lock. */
const lockKey = 7_203_114_017

/** Who acts, and why, in their own words. */
export interface Actor {
  readonly by: string
  readonly why: string
}

/** An act to be recorded. */
export interface NewAct {
  readonly place: LetterPlace
  /** The letter's own leaf hash. */
  readonly letterLeaf: Buffer
  readonly act: ActKind
  readonly eventId: string | null
  readonly outcome: string
}

/** Makes this transaction the only one that acts on dead letters until it ends. */
export const claimActs = async (transaction: Transaction): Promise<void> => {
  await transaction.query("select pg_advisory_xact_lock($1::bigint)", [String(lockKey)])
}

/** The number of the latest act; 0 before the first. */
export const lastActNumber = async (transaction: Transaction): Promise<number> => {
  const [row] = await transaction.query<{ last: string }>(
    "select coalesce(max(act_number), 0)::text as last from dead_letter_acts",
  )
  return Number(row?.last ?? 0)
}

/** Records the acts, numbered on from the latest; needs {@link claimActs} first. Returns when they count as done. */
export const recordActs = async (
  transaction: Transaction,
  actor: Actor,
  acts: ReadonlyArray<NewAct>,
): Promise<{ readonly actedAtMs: number }> => {
  // The columns' defaults are these very values: nobody is granted to write others.
  const [seen] = await transaction.query<{ login: string; at_ms: string }>(
    `select session_user::text as login,
       (extract(epoch from date_trunc('milliseconds', transaction_timestamp())) * 1000)::bigint::text as at_ms`,
  )
  const actedAtMs = Number(seen?.at_ms)
  let number = await lastActNumber(transaction)
  for (const { place, letterLeaf, act, eventId, outcome } of acts) {
    number++
    const recorded = {
      ...{ number, place, act, eventId, outcome, actedAtMs },
      ...{ actedBy: actor.by, reason: actor.why, databaseLogin: seen?.login ?? "" },
    }
    await transaction.query(
      `insert into dead_letter_acts (act_number, topic, topic_partition, kafka_offset, act, event_id, acted_by, reason,
         outcome, leaf_hash)
       values ($1::bigint, $2, $3::integer, $4::bigint, $5, $6::text::uuid, $7, $8, $9, $10::text::bytea)`,
      [
        ...[number, place.topic, place.partition, place.offset, act, eventId, actor.by, actor.why, outcome],
        byteaLiteral(actLeaf(recorded, letterLeaf)),
      ],
    )
  }
  return { actedAtMs }
}
