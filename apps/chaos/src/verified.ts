import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { differenceLine } from "@landfall/adapters/verify/findings"
import { verifyAlerts } from "@landfall/adapters/verify/verify-alerts"
import { verifyRecord } from "@landfall/adapters/verify/verify-record"
import { checkInvariants } from "@landfall/sandbox/testing/record-invariants"
import type postgres from "postgres"
import type { Held } from "./outcome.ts"
import { saying } from "./waiting.ts"

const deadlineMs = 1_200_000

/** What `landfall verify` says of the whole record, against Kafka, with the alerts decided again. */
export const verified = async (databaseUrl: string, brokers: string): Promise<Held> => {
  const database = openDatabase(databaseUrl, { applicationName: "chaos-verify", role: "landfall_auditor" })
  const kafka = { brokers, clientId: "chaos-verify" }
  const admin = openAdmin(kafka)
  try {
    const made = await verifyRecord(database, {
      deadlineMs,
      kafka: { kafka, admin },
      further: [verifyAlerts()],
    })
    const gaps = made.gaps.map(
      ({ topic, partition, from, to }) =>
        `${topic}/${partition}: nothing explains the offsets ${from} to ${to - 1}`,
    )
    return {
      what: "`landfall verify`: hashes, columns, roots, snapshots, Kafka's messages, alerts decided again",
      seen: `${made.evidence} events, ${made.duplicates} duplicates, ${made.deadLetters} dead letters, ${made.rows} rows; ${made.notes.join("; ") || "nothing was left out"}`,
      broken: [...made.differences.map(differenceLine), ...gaps],
    }
  } finally {
    admin.close()
    await database.close()
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
