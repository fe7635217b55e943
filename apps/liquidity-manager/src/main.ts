import { openBridge } from "@landfall/adapters/bridge/bridge"
import { attestationProblems, attestedOf } from "@landfall/adapters/config/attestation-settings"
import { kafkaOf } from "@landfall/adapters/config/kafka-settings"
import { reveal } from "@landfall/adapters/config/secret"
import { checkService } from "@landfall/adapters/config/service-settings"
import { loadSettings } from "@landfall/adapters/config/settings"
import { offsetBases } from "@landfall/adapters/history/generations"
import { requireAttested } from "@landfall/adapters/history/require-attested"
import { buildService } from "@landfall/adapters/http/service"
import { start } from "@landfall/adapters/http/start"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openPublisher } from "@landfall/adapters/kafka/publisher"
import { outgoingCallMetrics } from "@landfall/adapters/metrics/outgoing-calls"
import { publishingMetrics } from "@landfall/adapters/metrics/publishing"
import { createJsonClient } from "@landfall/adapters/net/json-client"
import { openDatabase } from "@landfall/adapters/postgres/transaction"
import { runService } from "@landfall/adapters/process/run"
import { serviceShell } from "@landfall/adapters/process/service-shell"
import { bitcoinObservers, bitcoinProblems } from "./bitcoin.ts"
import { watchBridge } from "./bridge-watch.ts"
import { bridgeAssets, configProblems, deskConfig } from "./funding-config.ts"
import { gnosisObservers } from "./gnosis.ts"
import { listRoutes } from "./list-routes.ts"
import { loadFundingState } from "./load.ts"
import { createManager } from "./manager.ts"
import { managerMetrics } from "./metrics.ts"
import { commandRoutes } from "./routes.ts"
import { settingsTable } from "./settings.ts"
import { readinessOf, standingOf, stateOf } from "./state.ts"
import { type MeasuredTail, openTail } from "./tail.ts"

const name = "liquidity-manager"
const random = Math.random

await runService(async () => {
  const settings = loadSettings(settingsTable, process.env, (given) => [
    ...checkService(given),
    ...attestationProblems(given),
    ...bitcoinProblems(given),
    ...(given.FUNDING_FILE === null ? [] : configProblems(given.FUNDING_FILE)),
  ])
  const { DATABASE_URL, BRIDGE_URL } = settings
  const { log, metrics, now, shown } = serviceShell(name, settings)
  const config = settings.FUNDING_FILE ?? deskConfig
  const bases = offsetBases(() =>
    openDatabase(reveal(DATABASE_URL.url), {
      applicationName: `${name} set-up`,
      role: settings.DATABASE_ROLE,
    }),
  )
  const kafka = { ...kafkaOf(settings, name), bases }
  const admin = openAdmin(kafka)
  const database = openDatabase(reveal(DATABASE_URL.url), {
    applicationName: name,
    role: settings.DATABASE_ROLE,
  })
  const onCall = outgoingCallMetrics(metrics)
  const shell = { now, random, onCall }
  let tail: MeasuredTail | null = null
  const observers = [...bitcoinObservers(settings, shell), ...gnosisObservers(settings, shell)]
  const bridge = watchBridge({
    bridge: openBridge(
      createJsonClient({ name: "bridge", endpoint: BRIDGE_URL, onCall }),
      bridgeAssets(config),
      now,
    ),
    config,
    accounts: settings.ACCOUNT_ID,
    pollIntervalMs: settings.BRIDGE_INTERVAL_MS,
    handleIntervalMs: settings.HANDLE_INTERVAL_MS,
    now,
    random,
    onChange: (error) =>
      error === null ? log.info("the bridge answers again") : log.warn({ error }, "the bridge fails"),
  })
  const manager = createManager({
    observers,
    bridge,
    publisher: publishingMetrics(metrics)(openPublisher(kafka, settings.KAFKA_TRANSACTIONAL_ID, { now })),
    load: async () => {
      await requireAttested(database, attestedOf(settings), log)
      return loadFundingState({ database, kafka, admin })
    },
    openTail: async (position) => {
      tail = await openTail(kafka, position)
      return tail
    },
    config,
    pollIntervalMs: settings.POLL_INTERVAL_MS,
    now,
    random,
    log,
    onRound: managerMetrics(metrics, { observers, bridge, lags: () => tail?.lags() ?? [], now }),
  })
  const service = await buildService({
    ...shown,
    readiness: () => readinessOf(manager),
    state: () => stateOf(manager, observers, bridge),
    standing: () => standingOf(manager, observers, bridge, now()),
    routes: [...commandRoutes(manager, observers), ...listRoutes(manager, bridge)],
  })
  const http = await start(service)
  log.info({ url: http.url }, "listening")

  const ending = new AbortController()
  const bridging = bridge.run(ending.signal)
  const done = manager.run(ending.signal)
  return {
    log,
    service: {
      done,
      stop: async () => {
        ending.abort()
        await Promise.all([done, bridging])
        await http.stop()
        await database.close()
        admin.close()
      },
    },
  }
})
