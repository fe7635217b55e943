import { readOverview } from "@landfall/adapters/audit/overview"
import type { PartitionBehind } from "@landfall/adapters/history/behind"
import { createJsonClient } from "@landfall/adapters/net/json-client"
import { topics } from "@landfall/domain/registry"
import { timestamp } from "@landfall/domain/timestamp"
import type { SandboxService } from "../connections.ts"
import { defineCommand } from "../define-command.ts"
import { exitCodes } from "../exit-codes.ts"
import { ago } from "../output/ago.ts"
import { humanAmount } from "../output/amount.ts"
import { askMeasured } from "../standing.ts"

/** Whether a service says that it has caught up. */
interface ServiceState {
  readonly service: string
  readonly ready: boolean
  readonly reasons: ReadonlyArray<string>
}

const readyOf = async ({ name, url, token }: SandboxService): Promise<ServiceState> => {
  const client = createJsonClient({
    name,
    endpoint: url,
    bearer: token,
    // Not ready is an answer too.
    accept: (status) => status === 200 || status === 503,
    total_timeout_ms: 3_000,
  })
  try {
    const { ready, reasons = [] } = (await client.get("/health/ready")) as Partial<ServiceState>
    return { service: name, ready: ready === true, reasons }
  } catch (error) {
    return { service: name, ready: false, reasons: [error instanceof Error ? error.message : String(error)] }
  }
}

const wire = ({ recorded_ms, ...at }: PartitionBehind) => ({
  ...at,
  recorded_at: recorded_ms === null ? null : timestamp(recorded_ms),
})

/** `landfall status`: how everything stands. */
export const statusCommand = defineCommand({
  name: "status",
  summary:
    "How everything stands: freshness of each topic, snapshots, alerts, dead letters, money on its way",
  description:
    "A partition is behind by the age of the oldest message that Kafka has and the record has not. The services' own readiness\nis shown where a sandbox is running.",
  examples: [
    { line: "landfall status", for: "the first look in the morning" },
    { line: "landfall status --json | jq .behind_seconds", for: "how far behind, for a program" },
  ],
  run: async (context) => {
    const { connections, output, now } = context
    const names = topics.map(({ name }) => name)
    const { value: overview, standing } = await askMeasured(context, names, readOverview)
    const services = await Promise.all(connections.services().map(readyOf))
    const { partitions, ...stands } = standing
    output.result({ ...stands, partitions: partitions.map(wire), ...overview, services }, () => {
      const now_ms = now()
      output.line(output.paint("dim", `as of ${stands.as_of}\n`))
      output.table(
        [
          { title: "topic", of: (at) => at.topic },
          { title: "partition", of: (at) => at.partition, align: "right" },
          { title: "next", of: (at) => at.next_offset, align: "right" },
          { title: "kafka ends", of: (at) => at.end_offset, align: "right" },
          { title: "behind", of: (at) => at.messages, align: "right" },
          { title: "seconds", of: (at) => at.seconds?.toFixed(1), align: "right" },
          {
            title: "last recorded",
            of: (at) => (at.recorded_ms === null ? null : `${ago(at.recorded_ms, now_ms)} ago`),
          },
        ],
        partitions,
        "nothing was recorded yet, and Kafka has no topics",
      )
      output.line()
      output.table(
        [
          { title: "snapshot", of: (row) => row.projection },
          {
            title: "version",
            of: (row) =>
              row.version === null || row.version === row.program_version
                ? row.program_version
                : `${row.version}, and this program folds ${row.program_version}: rebuild it`,
          },
          { title: "rows", of: (row) => row.rows, align: "right" },
        ],
        overview.snapshots,
        "no projections",
      )
      output.line()
      output.table(
        [
          { title: "on its way", of: (row) => humanAmount(row.total, row.chain), align: "right" },
          { title: "base units", of: (row) => row.total, align: "right" },
          { title: "transfers", of: (row) => row.transfers, align: "right" },
          { title: "asset", of: (row) => row.asset_id },
        ],
        overview.uncredited_funding_total_by_asset,
        "no money is on its way",
      )
      output.line()
      output.table(
        [
          { title: "active alerts", of: (row) => row.alert_code },
          { title: "severity", of: (row) => row.severity },
          { title: "count", of: (row) => row.count, align: "right" },
        ],
        overview.active_alerts,
        "no alert is active",
      )
      output.line()
      output.table(
        [
          { title: "open dead letters", of: ([topic]) => topic },
          { title: "count", of: ([, count]) => count, align: "right" },
        ],
        Object.entries(overview.open_dead_letters).filter(([, count]) => count > 0),
        "no dead letter is open",
      )
      if (overview.degraded_keys > 0)
        output.line(
          output.paint("yellow", `${overview.degraded_keys} keys are degraded: \`landfall dead-letters\``),
        )
      if (services.length === 0) return
      output.line()
      output.table(
        [
          { title: "service", of: (row) => row.service },
          { title: "state", of: (row) => (row.ready ? "ready" : "not ready") },
          { title: "reasons", of: (row) => row.reasons.join("; ") },
        ],
        services,
        "",
      )
    })
    return exitCodes.ok
  },
})
