import type { Database, Transaction } from "@landfall/adapters/postgres/transaction"
import { topics } from "@landfall/domain/registry"
import { alertTopic } from "@landfall/domain/topics/alert"
import { fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { type Findings, type Judged, judge } from "./judge.ts"
import type { Truth } from "./truth.ts"

/** Looks at the record while everything fails, at little cost: only at what came since the last look. */
export interface Watch {
  /** One look, in one transaction. Rejects while PostgreSQL is away: then nothing was looked at. */
  readonly look: () => Promise<void>
  readonly looks: () => number
  /** Rows of evidence that were looked at. */
  readonly rows: () => number
  readonly judged: Readonly<Judged>
}

interface CheckpointRow {
  readonly topic: string
  readonly topic_partition: number
  readonly next_offset: string
  readonly log_size: string
  readonly duplicates: string
  readonly dead_letters: string
  readonly log_root: Buffer
}

interface Standing {
  readonly next: number
  readonly size: number
  readonly duplicates: number
  readonly letters: number
  readonly root: string
}

/** A look takes a part of a second; one that hangs is given up. */
const deadlineMs = 20_000

const nothing: Standing = { next: 0, size: 0, duplicates: 0, letters: 0, root: "" }

const standingOf = (row: CheckpointRow): Standing => ({
  next: Number(row.next_offset),
  size: Number(row.log_size),
  duplicates: Number(row.duplicates),
  letters: Number(row.dead_letters),
  root: row.log_root.toString("hex"),
})

/** The topics whose new records are read, and not only counted. */
const read: ReadonlySet<string> = new Set([
  fundingObservationTopic.name,
  alertTopic.name,
  intentInventoryTopic.name,
])

/** Opens a watch over an empty record; what does not hold is added to the findings. */
export const openWatch = (database: Database, truth: Truth, findings: Findings): Watch => {
  let before: ReadonlyMap<string, Standing> = new Map()
  let looks = 0
  const { take, judged } = judge(truth, findings)

  const lookAt = async (
    transaction: Transaction,
    name: string,
    row: CheckpointRow,
    was: Standing,
    is: Standing,
  ): Promise<ReadonlyArray<string>> => {
    if (is.next < was.next || is.size < was.size)
      findings.add("the checkpoint only moves on", `${name} went from ${was.next} back to ${is.next}`)
    if (is.size === was.size && was.root !== "" && is.root !== was.root)
      findings.add("the Merkle root stands for its rows", `${name} has another root at size ${is.size}`)
    if (is.next === was.next) return []
    const table = topics.find((topic) => topic.name === row.topic)?.evidenceTable ?? ""
    const range = [row.topic_partition, was.next, is.next]
    const inRange = "topic_partition = $1 and kafka_offset >= $2 and kafka_offset < $3"
    const [counted] = await transaction.query<{ evidence: number; repeats: number; letters: number }>(
      `select
        (select count(*)::integer from ${table} where ${inRange}) as evidence,
        (select count(*)::integer from duplicate_deliveries where topic = $4 and ${inRange}) as repeats,
        (select count(*)::integer from dead_letters where topic = $4 and ${inRange}) as letters`,
      [...range, row.topic],
    )
    const wanted = [is.size - was.size, is.duplicates - was.duplicates, is.letters - was.letters]
    const found = [counted?.evidence, counted?.repeats, counted?.letters]
    if (wanted.join() !== found.join())
      findings.add(
        "each place is taken once",
        `${name}, offsets ${was.next} to ${is.next}: the checkpoint counts ${wanted.join(", ")} (evidence, duplicates, dead letters), the tables hold ${found.join(", ")}`,
      )
    if (!read.has(row.topic)) return []
    const payloads = await transaction.query<{ payload: string }>(
      `select payload from ${table} where ${inRange} order by kafka_offset`,
      range,
    )
    return payloads.map(({ payload }) => payload)
  }

  const readNew = async (transaction: Transaction) => {
    const after = new Map(before)
    const records: Array<readonly [topic: string, payload: string]> = []
    const checkpoints = await transaction.query<CheckpointRow>(
      "select topic, topic_partition, next_offset, log_size, duplicates, dead_letters, log_root from checkpoints",
    )
    for (const row of checkpoints) {
      const name = `${row.topic}/${row.topic_partition}`
      const is = standingOf(row)
      const payloads = await lookAt(transaction, name, row, before.get(name) ?? nothing, is)
      after.set(name, is)
      records.push(...payloads.map((payload) => [row.topic, payload] as const))
    }
    const there = new Set(checkpoints.map((row) => `${row.topic}/${row.topic_partition}`))
    const missing = [...before.keys()].filter((name) => !there.has(name))
    if (missing.length > 0) findings.add("the checkpoint only moves on", `${missing.join(", ")} is gone`)
    return { after, records }
  }

  return {
    look: async () => {
      const { after, records } = await database.transaction(readNew, {
        mode: "repeatable read read only",
        deadlineMs,
      })
      // Only what was read to its end counts: a look that was cut short is made again from where the last one ended.
      before = after
      for (const [topic, payload] of records) take(topic, payload)
      looks++
    },
    judged,
    looks: () => looks,
    rows: () => [...before.values()].reduce((sum, { size }) => sum + size, 0),
  }
}
