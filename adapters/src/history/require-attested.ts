import { topicByName } from "@landfall/domain/registry"
import type { Logger } from "../log/log.ts"
import type { Database, Transaction } from "../postgres/transaction.ts"
import { append, emptyLog } from "../transparency-log/merkle-log.ts"
import type { Verifier } from "../transparency-log/note-key.ts"
import { actsLog } from "../transparency-log/origin.ts"
import { loadAttestations } from "../verify/attestations-file.ts"
import { extensionOf } from "../verify/extension.ts"
import {
  fallsShort,
  type NewestHead,
  newestHeads,
  partsFrom,
  type StatedHead,
} from "../verify/newest-heads.ts"
import { type Checkpoint, partitionName, readCheckpoints } from "./checkpoint.ts"
import { LogBroken } from "./resume.ts"

/** Where it stands what was attested of the record, outside of the database, and whose word it is. */
export interface Attested {
  readonly file: string
  readonly verifier: Verifier
}

/** Leaves read at once: a transaction each, so that none is long, and what is recorded does not change between them. */
const pageLeavesMax = 20_000
/** Logs that an error tells of; `landfall verify --against` tells of all. */
const toldMax = 10

/**
 * Throws {@link LogBroken} unless each log of the record extends the newest attestation of it, or when there is no attestation
 * to hold it against. When Kafka and PostgreSQL were both restored from old backups they agree, and only what was signed and
 * kept elsewhere knows that they are old. Who decides from the record asks this before anything else. Null: nothing was
 * attested, as far as anybody has told this service.
 */
export const requireAttested = async (
  database: Database,
  attested: Attested | null,
  log: Logger,
  pageLeaves = pageLeavesMax,
): Promise<void> => {
  if (attested === null) return
  // The file first: what is attested after it was read must not be asked of a record that was read before.
  const { heads, at } = await headsIn(attested)
  const recorded = await recordedLogs({ database, pageLeaves })
  const problems: string[] = []
  for (const [name, head] of heads) {
    const problem = await problemOf(recorded(name), head)
    if (problem !== null) problems.push(`${name}: ${problem}`)
  }
  if (problems.length === 0)
    return log.info(
      { attestations: attested.file, attested_at: at, logs: heads.size },
      "the record extends what was attested of it",
    )
  const more = problems.length > toldMax ? `; and ${problems.length - toldMax} logs more` : ""
  throw new LogBroken(
    `the record is not what ${attested.file} attests of it: ${problems.slice(0, toldMax).join("; ")}${more}; was an old backup restored? See docs/runbook/old-backup.md; nothing was decided and nothing was published`,
  )
}

/** The newest attested head of each log. */
const headsIn = async ({ file, verifier }: Attested) => {
  const refused = (what: string, cause?: unknown): LogBroken =>
    new LogBroken(
      `what was attested of the record cannot be read, so nobody can tell whether an old backup was restored: ${what}; see docs/runbook/old-backup.md; nothing was decided and nothing was published`,
      { cause },
    )
  const { attestations } = await loadAttestations(file, verifier, "newest").catch((error: unknown) => {
    throw refused(error instanceof Error ? error.message : String(error), error)
  })
  const latest = attestations.at(-1)
  if (latest === undefined)
    throw refused(`${file} does not exist, or holds no whole attestation by ${verifier.name}`)
  return { heads: newestHeads(attestations, verifier), at: latest.statement.at }
}

/** A log as the database states it, and its leaf hashes from one of them on, a page at a time. */
interface RecordedLog extends StatedHead {
  readonly leaves: (from: number) => AsyncIterable<ReadonlyArray<Buffer>>
}

/** The database, and how many leaves are read at once. */
interface Source {
  readonly database: Database
  readonly pageLeaves: number
}

type FindLog = (name: string) => RecordedLog

/** The record's logs by name; one that is not there has no leaves. */
const recordedLogs = async (from: Source): Promise<FindLog> => {
  const checkpoints = await from.database.transaction((transaction) => readCheckpoints(transaction))
  const logs = new Map<string, RecordedLog>()
  for (const checkpoint of checkpoints)
    logs.set(partitionName(checkpoint), {
      ...{ log: checkpoint.log, next: checkpoint.nextOffset },
      leaves: (leaf) => evidenceLeaves(from, checkpoint, leaf),
    })
  // The log of acts has no checkpoint: it is what its rows make.
  let acts = emptyLog
  for await (const page of actLeaves(from, 0, Number.MAX_SAFE_INTEGER)) acts = append(acts, page)
  const leaves = (leaf: number) => actLeaves(from, leaf, acts.size)
  logs.set(actsLog, { log: acts, next: acts.size + 1, leaves })
  return (name) => logs.get(name) ?? { log: emptyLog, next: 0, async *leaves() {} }
}

/** Why the log does not extend what was attested of it; null when it does. */
const problemOf = async (recorded: RecordedLog, head: NewestHead): Promise<string | null> => {
  const short = fallsShort(recorded, head)
  if (short !== null) return short
  const { size } = recorded.log
  const extension = extensionOf(recorded.log, head.size)
  if (extension.from < size) for await (const page of recorded.leaves(extension.from)) extension.add(page)
  const { then, fits } = extension.end()
  // Whose rows do not make its own checkpoint is for `landfall verify` to look at; it extends nothing.
  return then === null || !fits
    ? `its rows from leaf ${extension.from} on do not make the log of ${size} leaves that it states, so it cannot be shown to extend the ${head.size} that were attested at ${head.at}: see docs/runbook/record-differs.md`
    : partsFrom(recorded, head, then)
}

/** The leaf hashes of a partition's log from one of them on. */
async function* evidenceLeaves(
  source: Source,
  { topic, partition, log, nextOffset }: Checkpoint,
  from: number,
): AsyncGenerator<ReadonlyArray<Buffer>> {
  const table = topicByName(topic)?.evidenceTable
  if (table === undefined) return // a topic that this program does not know: it can show nothing of it
  // Counted from the end, because offsets have holes; the primary key has them in order.
  const [first] = await source.database.transaction((transaction) =>
    transaction.query<{ kafka_offset: string }>(
      `select kafka_offset from ${table} where topic_partition = $1 and kafka_offset < $2
       order by kafka_offset desc offset $3 limit 1`,
      [partition, nextOffset, log.size - from - 1],
    ),
  )
  if (first === undefined) return
  yield* pages(source, Number(first.kafka_offset), (transaction, next, leaves) =>
    transaction.query<Leaf>(
      `select kafka_offset as place, leaf_hash from ${table}
       where topic_partition = $1 and kafka_offset >= $2 and kafka_offset < $3 order by kafka_offset limit $4`,
      [partition, next, nextOffset, leaves],
    ),
  )
}

/** The leaf hashes `[from, to)` of the log of acts, which are numbered from 1 without a gap. */
const actLeaves = (source: Source, from: number, to: number): AsyncGenerator<ReadonlyArray<Buffer>> =>
  pages(source, from + 1, (transaction, next, leaves) =>
    transaction.query<Leaf>(
      `select act_number as place, leaf_hash from dead_letter_acts
       where act_number >= $1 and act_number <= $2 order by act_number limit $3`,
      [next, to, leaves],
    ),
  )

interface Leaf {
  readonly place: string
  readonly leaf_hash: Buffer
}

/** Leaf hashes from a place on, a page and a transaction at a time. */
async function* pages(
  { database, pageLeaves }: Source,
  from: number,
  read: (transaction: Transaction, next: number, pageLeaves: number) => Promise<ReadonlyArray<Leaf>>,
): AsyncGenerator<ReadonlyArray<Buffer>> {
  for (let next = from; ; ) {
    const rows = await database.transaction((transaction) => read(transaction, next, pageLeaves))
    yield rows.map(({ leaf_hash }) => leaf_hash)
    if (rows.length < pageLeaves) return
    next = Number(rows.at(-1)?.place) + 1
  }
}
