import { setTimeout as sleep } from "node:timers/promises"
import { timestamp } from "@landfall/domain/timestamp"
import type { KafkaConnection } from "../kafka/configuration.ts"
import { type OpenTransaction, openTransactions } from "../kafka/open-transactions.ts"
import { type Finding, findingsOf, wordsOf } from "./finding.ts"

const { ok, wrong, unknown } = findingsOf("kafka")

/** The broker aborts what a service of Landfall left open after 30 s, and looks each 10 s: a minute is beyond both. */
const open_ms_max = 60_000
/** What somebody publishes in this very moment has moved on by then, whatever time its messages are stamped with. */
const look_again_ms = 1_000

const nameOf = ({ topic, partition }: OpenTransaction): string => `${topic}/${partition}`

/**
 * Whether a transaction hangs in a partition, behind which nothing can be read: it began more than a minute ago, and has not moved when
 * it is looked at again. One that began just now is told, and is no fault.
 */
export const examineTransactions = async (
  connection: KafkaConnection,
  partitions: ReadonlyArray<{ readonly topic: string; readonly partition: number }>,
  now: () => number,
): Promise<ReadonlyArray<Finding>> => {
  if (partitions.length === 0) return []
  try {
    const open = await openTransactions(connection, partitions)
    if (open.length === 0) return [ok("transactions", `none is open in ${partitions.length} partitions`)]
    await sleep(look_again_ms)
    const later = new Map((await openTransactions(connection, partitions)).map((one) => [nameOf(one), one]))
    const held = open.flatMap((one) => {
      const again = later.get(nameOf(one))
      return again?.stable === one.stable ? [again] : []
    })
    return held.length === 0
      ? [ok("transactions", "those that were open have ended")]
      : held.map((one) => findingOf(one, now()))
  } catch (error) {
    return [unknown("transactions", wordsOf(error), "see whether every broker runs, and ask again")]
  }
}

const findingOf = (open: OpenTransaction, now_ms: number): Finding => {
  const { stable, end, since_ms } = open
  const began = since_ms === null ? "" : ` since ${timestamp(since_ms)}`
  const says = `${nameOf(open)}: a transaction is open${began}; what lies behind it cannot be read (last stable offset ${stable}, end ${end})`
  return since_ms !== null && now_ms - since_ms > open_ms_max
    ? wrong("transactions", says, "see docs/runbook/hanging-transaction.md")
    : unknown(
        "transactions",
        says,
        "the broker ends it when its time is over: ask again in a minute, and then see docs/runbook/hanging-transaction.md",
      )
}
