import { join } from "node:path"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { type Database, openDatabase } from "@landfall/adapters/postgres/transaction"
import { attestRecord, verifyAgainstFile } from "@landfall/adapters/verify/attest"
import { differenceLine } from "@landfall/adapters/verify/findings"
import { readSignerFile, writeKeyFile } from "@landfall/adapters/verify/key-file"
import { verifyAlerts } from "@landfall/adapters/verify/verify-alerts"
import { type Verification, type VerifyOptions, verifyRecord } from "@landfall/adapters/verify/verify-record"
import { checkInvariants } from "@landfall/sandbox/testing/record-invariants"
import type postgres from "postgres"
import type { Held } from "./outcome.ts"
import { saying } from "./waiting.ts"

const deadlineMs = 1_200_000

/** Attestations of the record outside the database, as an auditor has them. */
export interface Attesting {
  /** Verifies the record as it is and signs its logs; rejects while PostgreSQL is away. Resolves with what differs. */
  readonly attest: () => Promise<ReadonlyArray<string>>
  /** What `landfall verify` says of the whole record in the end, against Kafka and all that was attested. */
  readonly verify: () => Promise<Held>
}

/** Makes a key and an empty file of attestations in the folder. */
export const openAttesting = async (
  databaseUrl: string,
  brokers: string,
  folder: string,
): Promise<Attesting> => {
  const keyFile = join(folder, "attestations.key")
  const file = join(folder, "attestations")
  await writeKeyFile("chaos", keyFile)
  const signer = await readSignerFile(keyFile, () => {})
  let attested = 0
  const audited = async <Result>(work: (database: Database) => Promise<Result>): Promise<Result> => {
    const database = openDatabase(databaseUrl, { applicationName: "chaos-verify", role: "landfall_auditor" })
    try {
      return await work(database)
    } finally {
      await database.close()
    }
  }
  const whole = (): Promise<Verification> =>
    audited(async (database) => {
      const kafka = { brokers, clientId: "chaos-verify" }
      const admin = openAdmin(kafka)
      const how: VerifyOptions = { deadlineMs, kafka: { kafka, admin }, further: [verifyAlerts()] }
      try {
        if (attested === 0) return await verifyRecord(database, how)
        return (await verifyAgainstFile(database, file, signer.verifier, how)).verification
      } finally {
        admin.close()
      }
    })
  return {
    attest: () =>
      audited(async (database) => {
        const { verification } = await attestRecord(database, file, signer, Date.now(), { deadlineMs })
        attested++
        return verification.differences.map(differenceLine)
      }),
    verify: async () => {
      const made = await whole()
      const gaps = made.gaps.map(
        ({ topic, partition, from, to }) =>
          `${topic}/${partition}: nothing explains the offsets ${from} to ${to - 1}`,
      )
      const left = made.notes.length === 0 ? "nothing was left out" : made.notes.join("; ")
      return {
        what: "`landfall verify`: hashes, columns, roots, snapshots, Kafka's messages, alerts decided again, and what was attested meanwhile",
        seen: `${made.evidence} events, ${made.duplicates} duplicates, ${made.deadLetters} dead letters, ${made.rows} rows, ${attested} attestations made under way; ${left}`,
        broken: [...made.differences.map(differenceLine), ...gaps],
      }
    },
  }
}

/** The same by code that shares nothing with the engine but the vocabulary: Kafka, SQL and RFC 6962 alone. */
export const madeAgain = async (sql: postgres.Sql, brokers: string): Promise<Held> => {
  const what = "each message once, byte for byte; hashes, roots and snapshots made again by other code"
  try {
    const { evidence, duplicates, deadLetters } = await checkInvariants({ sql, brokers })
    return {
      what,
      seen: `${evidence} events, ${duplicates} duplicates, ${deadLetters} dead letters`,
      broken: [],
    }
  } catch (error) {
    return { what, seen: "the first that differs ends it", broken: [saying(error)] }
  }
}

/** Each transfer's revisions and each alert's episodes, as the whole evidence has them in the order of the log. */
export const inTurn = async (sql: postgres.Sql): Promise<ReadonlyArray<Held>> => {
  const [transfers] = await sql<Array<{ transfers: number; observations: number; broken: string[] | null }>>`
    with ordered as (
      select transfer_id, revision,
        row_number() over (partition by transfer_id order by topic_partition, kafka_offset) as place
      from funding_observations)
    select count(distinct transfer_id)::integer as transfers, count(*)::integer as observations,
      array_agg(distinct transfer_id::text) filter (where revision <> place) as broken from ordered`
  const [alerts] = await sql<Array<{ keys: number; transitions: number; broken: string[] | null }>>`
    with ordered as (
      select alert_key, 2 * episode - case status when 'raised' then 1 else 0 end as step,
        row_number() over (partition by alert_key order by topic_partition, kafka_offset) as place
      from ops_alerts)
    select count(distinct alert_key)::integer as keys, count(*)::integer as transitions,
      array_agg(distinct alert_key) filter (where step <> place) as broken from ordered`
  return [
    {
      what: "each transfer's revisions are there once each, in order",
      seen: `${transfers?.observations ?? 0} observations of ${transfers?.transfers ?? 0} transfers`,
      broken: (transfers?.broken ?? []).map((id) => `transfer ${id}`),
    },
    {
      what: "each alert is raised and cleared in turn, once each",
      seen: `${alerts?.transitions ?? 0} transitions of ${alerts?.keys ?? 0} alerts`,
      broken: alerts?.broken ?? [],
    },
  ]
}
