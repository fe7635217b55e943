import { requestMetrics } from "@landfall/adapters/http/observe"
import { clockMetrics } from "@landfall/adapters/metrics/clock"
import { createMetrics, type Metrics } from "@landfall/adapters/metrics/metrics"
import { outgoingCallMetrics } from "@landfall/adapters/metrics/outgoing-calls"
import { publishingMetrics } from "@landfall/adapters/metrics/publishing"
import { pollingMetrics } from "@landfall/adapters/polling/metrics"
import { openLetterMetrics, writerMetrics } from "@landfall/history-writer/metrics"
import { managerMetrics } from "@landfall/liquidity-manager/metrics"
import { sentinelMetrics } from "@landfall/ops-sentinel/metrics"

type Register = (registry: Metrics) => unknown

/** Nothing is measured here: the metrics are registered, to be listed. */
const unmeasured = (): never => {
  throw new Error("the metrics of this page are listed and never collected")
}

const polling: Register = (registry) => pollingMetrics(registry, [], unmeasured)
const manager: Register = (registry) =>
  managerMetrics(registry, {
    observers: [],
    bridge: { status: unmeasured },
    lags: unmeasured,
    now: unmeasured,
  })

/** What each service registers beside what all of them have. */
const services: Readonly<Record<string, ReadonlyArray<Register>>> = {
  "history-writer": [
    (registry) => writerMetrics(registry, unmeasured),
    (registry) => openLetterMetrics(registry, unmeasured),
  ],
  "liquidity-manager": [manager, publishingMetrics, outgoingCallMetrics],
  "inventory-sync": [polling, publishingMetrics, outgoingCallMetrics],
  "market-reference-ingest": [polling, publishingMetrics, outgoingCallMetrics],
  "ops-sentinel": [(registry) => sentinelMetrics(registry, unmeasured), publishingMetrics],
}

/** A metric as `/metrics` shows it. */
interface Listed {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly labelNames: ReadonlyArray<string>
}

const listed = (registers: ReadonlyArray<Register>): ReadonlyArray<Listed> => {
  const registry = createMetrics({ name: "docs", version: "0" })
  const common = new Set(registry.getMetricsAsArray().map(({ name }) => name))
  for (const register of registers) register(registry)
  // The library's types leave out what its metrics are made of.
  const all = registry.getMetricsAsArray() as unknown as ReadonlyArray<Listed>
  return all.filter(({ name }) => !common.has(name))
}

const common = (): ReadonlyArray<Listed> => {
  const all = createMetrics({
    name: "docs",
    version: "0",
  }).getMetricsAsArray() as unknown as ReadonlyArray<Listed>
  return [
    ...all.filter(({ name }) => name.startsWith("landfall_")),
    ...listed([requestMetrics, (registry) => clockMetrics(registry, unmeasured)]),
  ]
}

/** The names of the metrics of each service that are Landfall's own, those that all services have included. */
export const metricNames = (): ReadonlyMap<string, ReadonlyArray<string>> =>
  new Map(
    Object.entries(services).map(([service, registers]) => [
      service,
      [...common(), ...listed(registers)].map(({ name }) => name).sort(),
    ]),
  )

const table = (metrics: ReadonlyArray<Listed>): string =>
  [
    "| Metric | Type | Labels | What it says |",
    "| --- | --- | --- | --- |",
    ...metrics.map(
      ({ name, type, labelNames, help }) =>
        `| \`${name}\` | ${type} | ${labelNames.map((label) => `\`${label}\``).join(", ")} | ${help} |`,
    ),
  ].join("\n")

/** The page of all metrics, made from the registries that the services fill: `docs/reference/metrics.md`. */
export const metricsPage = (): string =>
  [
    "# Metrics",
    "",
    "`GET /metrics` of each service, in Prometheus' text format; it needs the read token where one is configured. This page is",
    "made from what the services register (`UPDATE_REFERENCE=1` with the tests of docs/ writes it anew), and a test holds it",
    "against the answers of running services.",
    "",
    "The outcome of an outgoing call is `answered`, or why there was no usable answer: `refused`, `unresolved`, `untrusted`,",
    "`broken`, `timeout`, `aborted`, `busy`, `status`, `redirected`, `too_large`, `too_deep`, `not_json`. Whether an answer made",
    "sense is its reader's to say: `landfall_source_up`, `landfall_bridge_healthy` and `landfall_funding_observer_state` do.",
    "Esplora says 404 for a transaction that it does not know, which is a `status` and no trouble.",
    "",
    "## All services",
    "",
    "Beside these: memory, garbage collector, event loop and file handles of the process, as Prometheus' client for Node names",
    "them (`process_*`, `nodejs_*`).",
    "",
    `${table(common())}\n`,
    ...Object.entries(services).map(
      ([service, registers]) => `## ${service}\n\n${table(listed(registers))}\n`,
    ),
  ].join("\n")
