import { randomBytes, randomUUID } from "node:crypto"
import { secret } from "@landfall/adapters/config/secret"
import { badField } from "@landfall/adapters/http/http-error"
import { defineRoute } from "@landfall/adapters/http/route"
import { buildService } from "@landfall/adapters/http/service"
import { start } from "@landfall/adapters/http/start"
import { openBulkProducer } from "@landfall/adapters/kafka/bulk-producer"
import { createLog, type LogLevel } from "@landfall/adapters/log/log"
import { createMetrics } from "@landfall/adapters/metrics/metrics"
import { recordEncoder } from "@landfall/domain/codec"
import { timestamp } from "@landfall/domain/timestamp"
import { tradeResultTopic } from "@landfall/domain/topics/trade-result"
import { command } from "../simulated/start.ts"
import { type ExecutorControl, executorCommands, executorControl } from "./control.ts"
import { createSubmissions } from "./submissions.ts"

export interface ExecutorOptions {
  readonly brokers: string
  /** Where commands are submitted to, until it is overridden. */
  readonly relayUrl: string
  readonly controlPort?: number
  /** The control token; a random one unless said. */
  readonly token?: string
  readonly logLevel?: LogLevel
  readonly now?: () => number
}

/** An executor that trades when it is told to: it submits for real and writes `exec.trade_result`. */
export interface Executor {
  readonly controlUrl: string
  readonly token: string
  readonly control: ExecutorControl
  readonly stop: () => Promise<void>
}

const name = "simulated-executor"
const version = "0.1.0"

/** Starts the sandbox's executor on this machine. */
export const startExecutor = async (options: ExecutorOptions): Promise<Executor> => {
  const token = options.token ?? randomBytes(24).toString("hex")
  const now = options.now ?? Date.now
  const encode = recordEncoder(tradeResultTopic)
  const producer = await openBulkProducer({ brokers: options.brokers, clientId: name })
  const submissions = createSubmissions({
    relayUrl: options.relayUrl,
    now,
    emit: (results) =>
      producer.send(
        results.map((result) => ({
          topic: tradeResultTopic.name,
          key: tradeResultTopic.key(result),
          value: encode(result),
        })),
      ),
  })
  const override = (url: string | null) => {
    try {
      submissions.override(url)
    } catch {
      throw badField("url", "it is not a web address", "a URL that starts with http:// or https://")
    }
    return { overridden: submissions.overridden() }
  }
  const service = await buildService({
    name,
    version,
    bind: { host: "127.0.0.1", port: options.controlPort ?? 0 },
    tokens: { control: secret(token), read: null },
    log: createLog({ name, level: options.logLevel ?? "warn", hide: [secret(token)] }),
    metrics: createMetrics({ name, version }),
    now: () => timestamp(now()),
    readiness: () => ({ ready: true, reasons: [] }),
    state: () => ({ relay_overridden: submissions.overridden() }),
    routes: [
      command(
        "submit",
        executorCommands.submit,
        "Submit a command to the relay, and answer once its result is in Kafka",
        async ({ command_id = randomUUID(), pair }) => ({
          result: await submissions.submit({ command_id, pair }),
        }),
      ),
      command(
        "override-relay",
        executorCommands["override-relay"],
        "Submit elsewhere from now on; an address where nothing listens makes submissions fail",
        ({ url }) => override(url),
      ),
      defineRoute({
        method: "POST",
        url: "/control/restore-relay",
        summary: "Submit to the configured relay again",
        handler: () => override(null),
      }),
    ],
  })
  const running = await start(service)
  return {
    controlUrl: running.url,
    token,
    control: executorControl(running.url, token),
    stop: async () => {
      await running.stop()
      await producer.close()
    },
  }
}
