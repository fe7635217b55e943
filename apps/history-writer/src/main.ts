import { openLettersByPartition } from "@landfall/adapters/audit/open-letters"
import { openReaders } from "@landfall/adapters/audit/readers"
import { kafkaOf } from "@landfall/adapters/config/kafka-settings"
import { limits } from "@landfall/adapters/config/limits"
import { reveal } from "@landfall/adapters/config/secret"
import { checkService } from "@landfall/adapters/config/service-settings"
import { loadSettings } from "@landfall/adapters/config/settings"
import { countOpen } from "@landfall/adapters/dead-letters/list"
import { offsetBases } from "@landfall/adapters/history/generations"
import {
  defaultLimits,
  type HistoryWriter,
  startHistoryWriter,
} from "@landfall/adapters/history/history-writer"
import { silentMsMax } from "@landfall/adapters/history/silent-holders"
import { claimSnapshotVersions } from "@landfall/adapters/history/snapshot-versions"
import { buildService } from "@landfall/adapters/http/service"
import { start } from "@landfall/adapters/http/start"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { migrate, requireMigrated } from "@landfall/adapters/postgres/migrate"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { runService } from "@landfall/adapters/process/run"
import { serviceShell } from "@landfall/adapters/process/service-shell"
import { topics } from "@landfall/domain/registry"
import { projections } from "@landfall/projections/registry"
import { openLetterMetrics, writerMetrics } from "./metrics.ts"
import { openWriter } from "./open-writer.ts"
import { behindSeconds } from "./progress.ts"
import { noRebuilds, type Rebuilds, startRebuilds } from "./rebuilds.ts"
import { auditRoutes } from "./routes/audit.ts"
import { deadLetterRoutes } from "./routes/dead-letters.ts"
import { openQuestions } from "./routes/questions.ts"
import { settingsTable } from "./settings.ts"
import { positionOf, readinessOf, stateOf } from "./state.ts"
import { startWatch } from "./watch.ts"

const name = "history-writer"
await runService(async () => {
  const settings = loadSettings(settingsTable, process.env, checkService)
  const { log, metrics, shown } = serviceShell(name, settings)
  const url = reveal(settings.DATABASE_URL.url)
  const bases = offsetBases(() =>
    openDatabase(url, { applicationName: `${name} set-up`, role: settings.DATABASE_ROLE }),
  )
  const kafka = { ...kafkaOf(settings, name), bases }

  const database = openDatabase(url, {
    applicationName: name,
    role: settings.DATABASE_ROLE,
    silentMsMax,
  })
  const readers = openReaders(
    () => openDatabase(url, { applicationName: `${name} queries`, role: settings.DATABASE_ROLE }),
    limits.audit,
  )
  const questions = openQuestions(readers, Date.now)
  const admin = openAdmin(kafka)
  const measure = writerMetrics(metrics, () => writer.now())
  openLetterMetrics(metrics, () => readers.ask(countOpen))

  const prepare = async (): Promise<void> => {
    const setup = openDatabase(url, { applicationName: `${name} set-up` })
    try {
      const applied = settings.MIGRATE ? await migrate(setup) : []
      if (applied.length > 0) log.info({ migrations: applied.map(({ name }) => name) }, "migrated")
      await requireMigrated(setup)
    } finally {
      await setup.close()
    }
  }
  let rebuilds: Rebuilds = noRebuilds
  let prepared = false
  const open = async (): Promise<HistoryWriter> => {
    // Not again after a start that failed later: with answers lost now and then, the whole might never come to its end.
    if (!prepared) await prepare()
    prepared = true
    const due = await database.transaction((transaction) => claimSnapshotVersions(transaction, projections))
    const started = await startHistoryWriter({
      kafka,
      groupId: settings.KAFKA_GROUP_ID,
      memberName: settings.KAFKA_MEMBER_NAME,
      topics,
      projections,
      admin,
      database,
      now: Date.now,
      limits: defaultLimits,
      onEvent: (event) => {
        measure(event)
        if (event.type === "assigned") log.info({ partitions: event.partitions }, "partitions assigned")
        if (event.type === "retrying")
          log.warn({ err: event.error }, "an attempt failed; going on from the checkpoint")
      },
    })
    rebuilds = startRebuilds(due, url, settings.DATABASE_ROLE, log)
    return started
  }
  const writer = openWriter({
    open,
    retryMs: 1_000,
    onRetry: (error) => log.warn({ err: error }, "not started yet; trying again"),
  })
  const watch = startWatch({
    partitions: () => writer.now().partitions(),
    openLetters: () => readers.ask(openLettersByPartition),
    now: Date.now,
  })
  const service = await buildService({
    ...shown,
    readiness: () => readinessOf(writer.now(), watch.conditions(), rebuilds.now()),
    state: () => ({ ...stateOf(writer.now()), rebuilding: rebuilds.now() }),
    standing: () => ({
      position: positionOf(writer.now().partitions()),
      behind_seconds: behindSeconds(
        watch.progress(),
        topics.map(({ name }) => name),
        Date.now(),
      ),
    }),
    routes: [...auditRoutes(questions), ...deadLetterRoutes(questions)],
  })
  const http = await start(service)
  log.info({ url: http.url }, "listening")

  return {
    log,
    service: {
      done: writer.done,
      stop: async () => {
        watch.stop()
        await writer.stop() // which may still be on its way to begin rebuilds
        await rebuilds.stop()
        await http.stop()
        await Promise.all([database.close(), readers.close()])
        admin.close()
      },
    },
  }
})
