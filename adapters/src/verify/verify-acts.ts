import { type ActKind, actLeaf } from "../dead-letters/act-leaf.ts"
import type { Transaction } from "../postgres/transaction.ts"
import { type MerkleLog, root } from "../transparency-log/merkle-log.ts"
import { actsLog } from "../transparency-log/origin.ts"
import { type AttestedHead, attestedLog } from "./attested.ts"
import type { Findings } from "./findings.ts"
import { watchedLog } from "./watched-log.ts"

interface Row {
  readonly act_number: string
  readonly topic: string
  readonly topic_partition: number
  readonly kafka_offset: string
  readonly act: ActKind
  readonly event_id: string | null
  readonly acted_by: string
  readonly reason: string
  readonly outcome: string
  readonly database_login: string
  readonly acted_at_ms: string
  readonly leaf_hash: Buffer
  readonly letter_leaf: Buffer | null
}

const pageRows = 5_000

/** Checks what operators did about dead letters: numbered without a gap, each act as it was recorded; gives their log. */
export const verifyActs = async (
  transaction: Transaction,
  findings: Findings,
  attested: ReadonlyArray<AttestedHead>,
): Promise<MerkleLog> => {
  const [counted] = await transaction.query<{ count: string }>(
    "select count(*)::text as count from dead_letter_acts",
  )
  const against = attestedLog(findings, actsLog, attested, Number(counted?.count))
  const tree = watchedLog(against.looks)
  let last = 0
  for (;;) {
    const rows = await transaction.query<Row>(
      `select act_number, act.topic, act.topic_partition, act.kafka_offset, act, event_id::text, acted_by, act.reason, outcome,
         database_login, (extract(epoch from acted_at) * 1000)::bigint::text as acted_at_ms, act.leaf_hash,
         letter.leaf_hash as letter_leaf
       from dead_letter_acts as act left join dead_letters as letter using (topic, topic_partition, kafka_offset)
       where act_number > $1 order by act_number limit $2`,
      [last, pageRows],
    )
    for (const row of rows) {
      const number = Number(row.act_number)
      const place = `${actsLog}/${number}`
      if (number !== last + 1)
        findings.difference(
          "act",
          place,
          `acts are numbered on, and the one before it is ${last}: acts are missing`,
        )
      last = number
      if (row.letter_leaf === null) findings.difference("act", place, "there is no such letter")
      else if (!leafOf(row, row.letter_leaf).equals(row.leaf_hash))
        findings.difference(
          "act",
          place,
          "the act or its letter does not fit the act's leaf hash: it was changed",
        )
    }
    const leaves = rows.map(({ leaf_hash }) => leaf_hash)
    tree.add(leaves)
    against.add(leaves)
    if (rows.length < pageRows) break
  }
  against.end(tree.log().size, root(tree.log()))
  return tree.log()
}

const leafOf = (row: Row, letterLeaf: Buffer): Buffer =>
  actLeaf(
    {
      number: Number(row.act_number),
      place: { topic: row.topic, partition: row.topic_partition, offset: Number(row.kafka_offset) },
      act: row.act,
      eventId: row.event_id,
      actedBy: row.acted_by,
      reason: row.reason,
      outcome: row.outcome,
      databaseLogin: row.database_login,
      actedAtMs: Number(row.acted_at_ms),
    },
    letterLeaf,
  )
