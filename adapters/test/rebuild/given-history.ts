import { amount } from "@landfall/domain/amount"
import { recordEncoder } from "@landfall/domain/codec"
import type { AnyTopic } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import {
  bitcoinTransferId,
  type FundingObservation,
  fundingObservationId,
} from "@landfall/domain/topics/funding-observation"
import { fold } from "@landfall/projections/fold"
import { type AnyProjection, projections as everyProjection } from "@landfall/projections/registry"
import { expect, onTestFinished } from "vitest"
import { createCheckpoint, lockCheckpoints } from "../../src/history/checkpoint.ts"
import { commitSession, ingest, openSession, type Session } from "../../src/history/ingest.ts"
import { messageReader } from "../../src/history/read-message.ts"
import { openSnapshotTable } from "../../src/history/snapshot-table.ts"
import {
  claimSnapshotVersions,
  readStandings,
  requireOwnVersions,
  SnapshotSwapped,
} from "../../src/history/snapshot-versions.ts"
import { migrate } from "../../src/postgres/migrate.ts"
import { type Database, openDatabase } from "../../src/postgres/transaction.ts"
import type { GivenPostgres } from "../postgres/given-postgres.ts"

const topicId = Buffer.alloc(16, 7)
const now_ms = Date.UTC(2026, 10, 23)
const partitions = [0, 1]

const life: ReadonlyArray<FundingObservation["status"]> = ["seen", "confirming", "confirmed", "credited"]
const atOnce = 40

/** The observations `from` up to but without `to` of transfers that live side by side, each seen four times. */
export const observations = (from: number, to: number): ReadonlyArray<FundingObservation> =>
  Array.from({ length: to - from }, (_, index) => observation(from + index))

const observation = (nth: number): FundingObservation => {
  const step = Math.floor(nth / atOnce) % life.length
  const transfer = Math.floor(nth / (atOnce * life.length)) * atOnce + (nth % atOnce)
  const txid = transfer.toString(16).padStart(64, "0")
  const transfer_id = bitcoinTransferId(txid, 0)
  const first = timestamp(now_ms + transfer)
  return {
    funding_observation_id: fundingObservationId(transfer_id, step + 1),
    transfer_id,
    revision: step + 1,
    account_id: "desk.near",
    asset_id: "nep141:btc.omft.near",
    chain: "bitcoin",
    funding_handle: `bcrt1q${transfer % 50}`,
    source: "bitcoind",
    tx_hash: txid,
    output_index: 0,
    status: life[step] ?? "seen",
    amount: amount(BigInt(10_000 + transfer)),
    confirmations: step,
    confirmations_required: 3,
    first_seen_at: first,
    last_seen_at: timestamp(now_ms + nth),
    ...(step === 0 ? {} : { block_height: 800_000 + step }),
    observer: { state: "ok", tip_height: 800_000, tip_at: first },
    cause: step === 0 ? "first_seen" : "confirmations",
  }
}

/** A database with a topic in two partitions, written as the history writer writes it. */
export interface GivenHistory {
  readonly url: string
  readonly writer: Database
  readonly auditor: Database
  readonly superuser: Database
  /** Writes the next records, as a running writer does: with its session, begun anew when a snapshot was swapped. */
  readonly write: (records: ReadonlyArray<unknown>) => Promise<void>
  /** Another program takes over the writing. */
  readonly deploy: (projections: ReadonlyArray<AnyProjection>) => Promise<ReadonlyArray<AnyProjection>>
  /** The live table holds exactly what a fold of everything written gives. */
  readonly expectWhole: (projection: AnyProjection) => Promise<void>
  /** A connection of its own, as another process has. */
  readonly another: () => Database
}

/** A fresh database for one topic. */
export const givenHistory = async (
  postgres: GivenPostgres,
  name: string,
  topic: AnyTopic,
  deployed: ReadonlyArray<AnyProjection> = everyProjection,
): Promise<GivenHistory> => {
  const url = await postgres.createDatabase(name)
  const opened: Database[] = []
  onTestFinished(async () => {
    for (const database of opened) await database.close()
  })
  const open = (role?: string): Database => {
    const database = openDatabase(url, { applicationName: name, ...(role === undefined ? {} : { role }) })
    opened.push(database)
    return database
  }
  const superuser = open()
  await migrate(superuser)
  const writer = open("landfall_writer")
  const encode = recordEncoder(topic)
  const read = messageReader(topic)
  const written = new Map<number, unknown[]>(partitions.map((partition) => [partition, []]))
  const at = partitions.map((partition) => ({ topic: topic.name, partition }))
  let projections = deployed
  let session: Session | null = null

  const begin = (): Promise<Session> =>
    writer.transaction(async (transaction) => {
      for (const one of at) await createCheckpoint(transaction, { ...one, topicId, firstOffset: 5 }, now_ms)
      const checkpoints = await lockCheckpoints(transaction, at)
      const standings = await readStandings(transaction)
      requireOwnVersions(standings, projections)
      return openSession(checkpoints.values(), [topic], 1_000, { standings, projections })
    })
  const deploy: GivenHistory["deploy"] = async (next) => {
    projections = next
    session = null
    return writer.transaction((transaction) => claimSnapshotVersions(transaction, next))
  }
  await deploy(deployed)

  const write: GivenHistory["write"] = async (records) => {
    session ??= await begin()
    const going = session
    const next = new Map(Array.from(going.checkpoints.values(), (one) => [one.partition, one.nextOffset]))
    const batch = records.map((record) => {
      const partition = [...topic.key(record)].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % 2
      const offset = next.get(partition) ?? 0
      next.set(partition, offset + (offset % 3 === 0 ? 2 : 1)) // as after Kafka's own markers
      return {
        message: read(
          {
            topic: topic.name,
            partition,
            offset,
            leaderEpoch: 0,
            timestamp: now_ms,
            key: Buffer.from(topic.key(record)),
            value: Buffer.from(encode(record)),
          },
          topicId,
        ),
        record,
        partition,
      }
    })
    try {
      const outcome = await writer.transaction((transaction) =>
        ingest(
          transaction,
          going,
          batch.map(({ message }) => message),
          now_ms,
        ),
      )
      commitSession(going, outcome)
    } catch (error) {
      session = null
      if (error instanceof SnapshotSwapped) return write(records)
      throw error
    }
    for (const { partition, record } of batch) written.get(partition)?.push(record)
  }

  const expectWhole: GivenHistory["expectWhole"] = async (projection) => {
    const live = await superuser.transaction((transaction) =>
      openSnapshotTable(projection).loadAll(transaction),
    )
    const rows = new Map(Array.from(live, ([key, { row }]) => [key, row]))
    expect(rows).toEqual(fold(projection, [...written.values()].flat()))
  }
  return {
    url,
    writer,
    auditor: open("landfall_auditor"),
    superuser,
    write,
    deploy,
    expectWhole,
    another: () => open("landfall_writer"),
  }
}
