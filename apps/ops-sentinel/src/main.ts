import { setTimeout as sleep } from "node:timers/promises"
import { openEventReader } from "@landfall/adapters/alerts/event-reader"
import { recordPolicy } from "@landfall/adapters/alerts/policy-store"
import { attestationProblems, attestedOf } from "@landfall/adapters/config/attestation-settings"
import { kafkaOf } from "@landfall/adapters/config/kafka-settings"
import { reveal } from "@landfall/adapters/config/secret"
import { checkService } from "@landfall/adapters/config/service-settings"
import { loadSettings } from "@landfall/adapters/config/settings"
import { readCheckpoints } from "@landfall/adapters/history/checkpoint"
import { offsetBases } from "@landfall/adapters/history/generations"
import { requireAttested } from "@landfall/adapters/history/require-attested"
import { requireRecorded } from "@landfall/adapters/history/require-recorded"
import { buildService } from "@landfall/adapters/http/service"
import { start } from "@landfall/adapters/http/start"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openPublisher } from "@landfall/adapters/kafka/publisher"
import { publishingMetrics } from "@landfall/adapters/metrics/publishing"
import { requireMigrated } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { runService } from "@landfall/adapters/process/run"
import { serviceShell } from "@landfall/adapters/process/service-shell"
import { topics } from "@landfall/domain/registry"
import { alertTopic } from "@landfall/domain/topics/alert"
import { defaultPolicy } from "./default-policy.ts"
import { sentinelMetrics } from "./metrics.ts"
import { sentinelRoutes } from "./routes.ts"
import { createSentinel, type Sentinel } from "./sentinel.ts"
import { settingsTable } from "./settings.ts"
import { readinessOf, StateDocument, standingOf, stateOf } from "./state.ts"

const name = "ops-sentinel"
const stop_ms_max = 10_000

await runService(async () => {
  const settings = loadSettings(settingsTable, process.env, (given) => [
    ...checkService(given),
    ...attestationProblems(given),
  ])
  const { log, metrics, now, shown } = serviceShell(name, settings)
  const policy = settings.ALERT_POLICY_FILE ?? defaultPolicy()
  const bases = offsetBases(() =>
    openDatabase(reveal(settings.DATABASE_URL.url), {
      applicationName: `${name} set-up`,
      role: settings.DATABASE_ROLE,
    }),
  )
  const kafka = { ...kafkaOf(settings, name), bases }
  const admin = openAdmin(kafka)
  const database = openDatabase(reveal(settings.DATABASE_URL.url), {
    applicationName: name,
    role: settings.DATABASE_ROLE,
    deadlineMs: 10_000,
  })
  let running: Sentinel | null = null
  const sentinel = createSentinel({
    publisher: publishingMetrics(metrics)(openPublisher(kafka, settings.KAFKA_TRANSACTIONAL_ID, { now })),
    policies: async () => {
      await requireMigrated(database)
      // Kafka and the record may agree because both are old: then not even a policy is recorded.
      await requireAttested(database, attestedOf(settings), log)
      return recordPolicy(database, policy, now())
    },
    openReader: async () => {
      // A log that was restored from an old backup lacks what was decided since: it must not be decided again.
      const recorded = await database.transaction((transaction) => readCheckpoints(transaction))
      await requireRecorded({ kafka, admin }, recorded)
      return openEventReader({ kafka, admin, topics })
    },
    openAlertReader: () => openEventReader({ kafka, admin, topics: [alertTopic] }),
    tick_interval_ms: settings.TICK_INTERVAL_MS,
    now,
    random: Math.random,
    log,
    onTick: sentinelMetrics(metrics, () => running),
  })
  running = sentinel
  const service = await buildService({
    ...shown,
    readiness: () => readinessOf(sentinel),
    state: () => stateOf(sentinel),
    stateSchema: StateDocument,
    standing: () => standingOf(sentinel, now()),
    routes: sentinelRoutes(sentinel),
  })
  // A process that cannot listen must not take the transactional id from one that can.
  const http = await start(service)
  log.info({ url: http.url }, "listening")

  const ending = new AbortController()
  const done = sentinel.run(ending.signal)
  return {
    log,
    service: {
      done,
      stop: async () => {
        ending.abort()
        // A Kafka that does not answer must not hold the end; what it has not committed it aborts.
        await Promise.race([done, sleep(stop_ms_max, undefined, { ref: false })])
        await http.stop()
        await database.close()
        admin.close()
      },
    },
  }
})
