import type { Position } from "@landfall/domain/position"
import type { Rows } from "@landfall/projections/fold"
import { type AnyProjection, projections } from "@landfall/projections/registry"
import type { Transaction } from "../postgres/transaction.ts"
import { ReplayRefused } from "../replay/range.ts"
import { type ReplayOptions, replayEvidence } from "../replay/replay-projection.ts"
import { hashRows } from "../replay/state-hash.ts"
import { actsLog, logOf } from "../transparency-log/origin.ts"
import type { Statement } from "../transparency-log/statement.ts"
import type { FurtherCheck } from "./verify-record.ts"

/**
 * A check that the evidence of then still folds to the states that a statement names. Only the same version of a projection
 * must give the same state; letters that were retried since are left out, because they were not events then.
 */
export const verifyStatedStates =
  (name: string, statement: Statement): FurtherCheck =>
  async (transaction, findings, { logs }) => {
    const position = positionOf(name, statement)
    const acts = (statement.logs.find(({ origin }) => logOf(name, origin) === actsLog)?.next ?? 1) - 1
    const skipped = await retriedSince(transaction, acts)
    for (const stated of statement.states) {
      const projection = projections.find((one) => one.name === stated.projection)
      const what = `the state of ${stated.projection} attested at ${statement.at}`
      if (projection === undefined || projection.version !== stated.version) {
        findings.note(
          `${what} was not made again: it is of version ${stated.version}, this program folds ${projection === undefined ? "none" : `version ${projection.version}`}`,
        )
        continue
      }
      const topic = projection.topic.name
      const offsets = Object.entries(position[topic] ?? {})
      const shrunk = offsets.some(([partition, next]) => {
        const log = logs.find((one) => one.log === `${topic}/${partition}`)
        return log === undefined || log.next < next
      })
      // The log itself was found shorter than attested: there is nothing to fold up to.
      if (shrunk) continue
      const rows = await foldOf(transaction, projection, {
        range: { start: null, end: { [topic]: Object.fromEntries(offsets) } },
        skip: (partition, offset) => skipped.has(`${topic}/${partition}/${offset}`),
      })
      if (rows === null) {
        findings.note(`${what} was not made again: not every row of then can be read`)
        continue
      }
      const hash = hashRows(projection, rows)
      if (hash !== stated.hash.toString("hex") || rows.size !== stated.rows)
        findings.difference(
          "attestation",
          stated.projection,
          `${what} had ${stated.rows} rows and hash ${stated.hash.toString("hex")}; the evidence of then makes ${rows.size} rows with hash ${hash}`,
        )
    }
  }

/** The rows of a fold; null when a row cannot be read, which is a difference of its own. */
const foldOf = async (
  transaction: Transaction,
  projection: AnyProjection,
  options: ReplayOptions,
): Promise<Rows<unknown> | null> => {
  try {
    return (await replayEvidence(transaction, projection, options)).rows
  } catch (error) {
    if (error instanceof ReplayRefused) return null
    throw error
  }
}

/** Where each partition stood, by topic. */
const positionOf = (name: string, { logs }: Statement): Position => {
  const position: Record<string, Record<string, number>> = {}
  for (const { origin, next } of logs) {
    const log = logOf(name, origin)
    if (log === null || log === actsLog) continue
    const slash = log.lastIndexOf("/")
    const topic = log.slice(0, slash)
    position[topic] = { ...position[topic], [log.slice(slash + 1)]: next }
  }
  return position
}

/** The places of the letters that were retried after that act. */
const retriedSince = async (transaction: Transaction, act: number): Promise<ReadonlySet<string>> => {
  const rows = await transaction.query<{ topic: string; topic_partition: number; kafka_offset: string }>(
    "select topic, topic_partition, kafka_offset from dead_letter_acts where act = 'retried' and act_number > $1",
    [act],
  )
  return new Set(rows.map((row) => `${row.topic}/${row.topic_partition}/${row.kafka_offset}`))
}
