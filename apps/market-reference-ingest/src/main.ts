import { kafkaOf } from "@landfall/adapters/config/kafka-settings"
import { checkService } from "@landfall/adapters/config/service-settings"
import { loadSettings } from "@landfall/adapters/config/settings"
import { buildService } from "@landfall/adapters/http/service"
import { start } from "@landfall/adapters/http/start"
import { openAdmin } from "@landfall/adapters/kafka/admin"
import { openPublisher } from "@landfall/adapters/kafka/publisher"
import { outgoingCallMetrics } from "@landfall/adapters/metrics/outgoing-calls"
import { publishingMetrics } from "@landfall/adapters/metrics/publishing"
import { latestRecords } from "@landfall/adapters/polling/latest-records"
import { pollingMetrics } from "@landfall/adapters/polling/metrics"
import { createPollingPublisher, type PollingPublisher } from "@landfall/adapters/polling/polling-publisher"
import { pauseRoutes, pollingLog, readinessOf } from "@landfall/adapters/polling/service"
import { createSource } from "@landfall/adapters/polling/source"
import { runService } from "@landfall/adapters/process/run"
import { serviceShell } from "@landfall/adapters/process/service-shell"
import type { Quote } from "@landfall/adapters/ticker/shape"
import { openTicker, tickerShapes } from "@landfall/adapters/ticker/ticker"
import { type MarketPrice, marketPriceTopic } from "@landfall/domain/topics/market-price"
import { marketPrice } from "@landfall/projections/market-price"
import { pricePoll, samePrice } from "./price-poll.ts"
import { settingsTable } from "./settings.ts"
import { StateDocument, stateOf } from "./state.ts"

const name = "market-reference-ingest"

await runService(async () => {
  const settings = loadSettings(settingsTable, process.env, checkService)
  const { PRICE_PAIRS: pairs, PRICE_POLL_INTERVAL_MS: interval_ms } = settings
  const { log, metrics, now, shown } = serviceShell(name, settings)
  const shape = tickerShapes.find((known) => known.name === settings.PRICE_FORMAT)
  if (shape === undefined) throw new RangeError(`no ticker of the format ${settings.PRICE_FORMAT}`)
  const ticker = openTicker(shape, {
    endpoint: settings.PRICE_URL,
    onCall: outgoingCallMetrics(metrics),
  })
  const source = createSource<ReadonlyMap<string, Quote>>({
    name: "ticker",
    now,
    fresh_ms_max: Math.max(5 * interval_ms, 10_000),
  })

  const kafka = kafkaOf(settings, name)
  const admin = openAdmin(kafka)
  const writeLog = pollingLog(log)
  let running: PollingPublisher<MarketPrice> | null = null
  const measure = pollingMetrics(metrics, [source], () => running)
  const publisher = createPollingPublisher<MarketPrice>({
    topic: marketPriceTopic,
    same: samePrice,
    heartbeat_ms: settings.PRICE_HEARTBEAT_MS,
    interval_ms,
    publisher: publishingMetrics(metrics)(openPublisher(kafka, settings.KAFKA_TRANSACTIONAL_ID, { now })),
    readPublished: () =>
      latestRecords({ kafka, admin, projection: marketPrice, keys: pairs.map(({ pair }) => pair) }),
    poll: pricePoll({ ticker, source_name: settings.PRICE_SOURCE ?? ticker.name, pairs, source }),
    now,
    random: Math.random,
    onEvent: (event) => {
      measure(event)
      writeLog(event)
    },
  })
  running = publisher

  const service = await buildService({
    ...shown,
    readiness: () => readinessOf(publisher.status()),
    state: () => stateOf({ pairs, source, status: publisher.status(), now_ms: now() }),
    stateSchema: StateDocument,
    standing: () => {
      const { age_ms } = source.health()
      return { behind_seconds: { ticker: age_ms === null ? null : age_ms / 1000 } }
    },
    routes: pauseRoutes(publisher),
  })
  const http = await start(service)
  publisher.start()
  log.info({ url: http.url, pairs, ticker: settings.PRICE_URL.shown }, "listening")

  return {
    log,
    service: {
      done: publisher.done,
      stop: async () => {
        await publisher.stop()
        await http.stop()
        admin.close()
      },
    },
  }
})
