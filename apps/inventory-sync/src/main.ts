import { openBridge } from "@landfall/adapters/bridge/bridge"
import { kafkaOf } from "@landfall/adapters/config/kafka-settings"
import { checkService } from "@landfall/adapters/config/service-settings"
import { loadSettings } from "@landfall/adapters/config/settings"
import { buildService } from "@landfall/adapters/http/service"
import { start } from "@landfall/adapters/http/start"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openPublisher } from "@landfall/adapters/kafka/publisher"
import { outgoingCallMetrics } from "@landfall/adapters/metrics/outgoing-calls"
import { publishingMetrics } from "@landfall/adapters/metrics/publishing"
import { createJsonClient } from "@landfall/adapters/net/json-client"
import { latestRecords } from "@landfall/adapters/polling/latest-records"
import { pollingMetrics } from "@landfall/adapters/polling/metrics"
import { createPollingPublisher, type PollingPublisher } from "@landfall/adapters/polling/polling-publisher"
import { pauseRoutes, pollingLog, readinessOf } from "@landfall/adapters/polling/service"
import { createSource } from "@landfall/adapters/polling/source"
import { runService } from "@landfall/adapters/process/run"
import { serviceShell } from "@landfall/adapters/process/service-shell"
import { createBlockWatch } from "@landfall/adapters/verifier/block-watch"
import { openVerifier, type VerifierBalances } from "@landfall/adapters/verifier/verifier"
import { VerifierFailed } from "@landfall/adapters/verifier/verifier-failed"
import { type IntentInventory, intentInventoryTopic } from "@landfall/domain/topics/intent-inventory"
import { sameBalances } from "@landfall/evaluators/inventory/compute-inventory"
import { intentInventory } from "@landfall/projections/intent-inventory"
import { type BridgeReport, inventoryPoll } from "./inventory-poll.ts"
import { listRoutes } from "./list-routes.ts"
import { settingsTable } from "./settings.ts"
import { StateDocument, stateOf } from "./state.ts"
import { noVisibility, watchVisibility } from "./visibility.ts"

const name = "inventory-sync"

await runService(async () => {
  const settings = loadSettings(settingsTable, process.env, checkService)
  const {
    ACCOUNT_ID: account_id,
    INVENTORY_ASSETS: assets,
    INVENTORY_POLL_INTERVAL_MS: interval_ms,
  } = settings
  const { log, metrics, now, shown } = serviceShell(name, settings)
  const fresh_ms_max = Math.max(5 * interval_ms, 10_000)
  const sources = {
    verifier: createSource<VerifierBalances>({
      name: "verifier",
      now,
      fresh_ms_max,
      isStale: (error) => error instanceof VerifierFailed && error.reason === "stale",
    }),
    bridge: createSource<BridgeReport>({ name: "bridge", now, fresh_ms_max }),
  }
  let unlisted_assets: ReadonlyArray<string> = []

  const kafka = kafkaOf(settings, name)
  const admin = openAdmin(kafka)
  const onCall = outgoingCallMetrics(metrics)
  const writeLog = pollingLog(log)
  let running: PollingPublisher<IntentInventory> | null = null
  const measure = pollingMetrics(metrics, [sources.verifier, sources.bridge], () => running)
  const publisher = createPollingPublisher<IntentInventory>({
    topic: intentInventoryTopic,
    same: sameBalances,
    heartbeat_ms: settings.INVENTORY_HEARTBEAT_MS,
    interval_ms,
    publisher: publishingMetrics(metrics)(
      openPublisher(kafka, settings.KAFKA_TRANSACTIONAL_ID ?? `landfall-${name}-${account_id}`, { now }),
    ),
    readPublished: () => latestRecords({ kafka, admin, projection: intentInventory, keys: [account_id] }),
    poll: inventoryPoll({
      account_id,
      assets,
      verifier: openVerifier({
        endpoint: settings.VERIFIER_URL,
        contract_id: settings.VERIFIER_CONTRACT,
        onCall,
      }),
      bridge: openBridge(
        createJsonClient({ name: "bridge", endpoint: settings.BRIDGE_URL, onCall }),
        assets,
        now,
      ),
      blocks: createBlockWatch({ stands_ms_max: settings.VERIFIER_BLOCK_MAX_AGE_MS }),
      now,
      sources,
      onUnlisted: (found) => {
        unlisted_assets = found
      },
    }),
    now,
    random: Math.random,
    onEvent: (event) => {
      measure(event)
      writeLog(event)
    },
  })
  running = publisher

  const managerUrl = settings.LIQUIDITY_MANAGER_URL
  const bearer = settings.LIQUIDITY_MANAGER_READ_TOKEN
  const visibility =
    managerUrl === null
      ? noVisibility
      : watchVisibility({
          client: createJsonClient({
            name: "liquidity-manager",
            endpoint: managerUrl,
            onCall,
            ...(bearer === null ? {} : { bearer }),
          }),
          interval_ms,
          now,
        })

  const service = await buildService({
    ...shown,
    readiness: () => readinessOf(publisher.status()),
    state: () =>
      stateOf({
        account_id,
        status: publisher.status(),
        sources,
        unlisted_assets,
        visibility,
        now_ms: now(),
      }),
    stateSchema: StateDocument,
    standing: () => {
      const seconds = (age_ms: number | null) => (age_ms === null ? null : age_ms / 1000)
      return {
        behind_seconds: {
          verifier: seconds(sources.verifier.health().age_ms),
          bridge: seconds(sources.bridge.health().age_ms),
        },
      }
    },
    routes: [
      ...pauseRoutes(publisher),
      ...listRoutes({
        unreadable_deposits: () => sources.bridge.last()?.problems ?? [],
        unlisted_assets: () => unlisted_assets,
      }),
    ],
  })
  const http = await start(service)
  publisher.start()
  log.info({ url: http.url, account_id, assets: assets.map(({ asset_id }) => asset_id) }, "listening")

  return {
    log,
    service: {
      done: publisher.done,
      stop: async () => {
        await Promise.all([publisher.stop(), visibility.stop()])
        await http.stop()
        admin.close()
      },
    },
  }
})
