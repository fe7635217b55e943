import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { differenceLine } from "@landfall/adapters/verify/findings"
import { verifyAlerts } from "@landfall/adapters/verify/verify-alerts"
import { verifyRecord } from "@landfall/adapters/verify/verify-record"
import { step } from "../terminal.ts"
import type { Stage } from "./story.ts"

/** Everything is made again from the evidence, with an auditor's rights, and held against what is shown and what Kafka has. */
export const playProof = async (stage: Stage): Promise<void> => {
  await step(
    stage.terminal,
    "everything is rebuilt from the evidence: equal to the live snapshots",
    async () => {
      const database = openDatabase(stage.parts.databaseUrl, {
        applicationName: "sandbox auditor",
        role: "landfall_auditor",
      })
      const kafka = { brokers: stage.parts.brokers, clientId: "sandbox-auditor" }
      const admin = openAdmin(kafka)
      try {
        const { evidence, rows, differences } = await verifyRecord(database, {
          deadlineMs: 60_000,
          kafka: { kafka, admin },
          further: [verifyAlerts()],
        })
        if (differences.length > 0) throw new Error(differences.map(differenceLine).join("; "))
        return { evidence, rows }
      } finally {
        admin.close()
        await database.close()
      }
    },
    ({ evidence, rows }) =>
      `${evidence} events, ${rows} rows, every Merkle root as in its checkpoint, every message as in Kafka, alerts decided again`,
  )
}
