import { randomBytes } from "node:crypto"
import { secret } from "@landfall/adapters/config/secret"
import { defineRoute, type JsonSchema, type Route } from "@landfall/adapters/http/route"
import { buildService } from "@landfall/adapters/http/service"
import { start } from "@landfall/adapters/http/start"
import { createLog, type LogLevel } from "@landfall/adapters/log/log"
import { createMetrics } from "@landfall/adapters/metrics/metrics"
import { timestamp } from "@landfall/domain/timestamp"
import { createFaultBox, faultSchema } from "./faults.ts"
import { type ListenerOptions, startListener } from "./listener.ts"

export interface SimulationOptions {
  /** Where clients find it; free ports unless said. */
  readonly port?: number
  readonly controlPort?: number
  /** The control token; a random one unless said. */
  readonly token?: string
  readonly logLevel?: LogLevel
  /** The clock, in milliseconds since the epoch. */
  readonly now?: () => number
}

/** A simulated part that listens. */
export interface Simulation {
  readonly url: string
  readonly controlUrl: string
  readonly token: string
  readonly stop: () => Promise<void>
}

export interface SimulatedPart<Own extends string>
  extends Pick<ListenerOptions<Own>, "method" | "path" | "answer"> {
  readonly name: string
  readonly ownFaults: ReadonlyArray<Own>
  /** The commands beside those of the faults. */
  readonly routes: readonly Route[]
  readonly state: () => object
}

/** A control command: a POST to `/control/<name>`. */
export const command = <Body>(
  name: string,
  body: JsonSchema<Body>,
  summary: string,
  handler: (body: Body) => unknown,
): Route =>
  defineRoute({
    method: "POST",
    url: `/control/${name}`,
    summary,
    body,
    handler: (input) => handler(input.body),
  })

/** Starts a simulated part on this machine: its real wire shape at one port, its strings to pull at another. */
export const startSimulation = async <const Own extends string>(
  part: SimulatedPart<Own>,
  options: SimulationOptions = {},
): Promise<Simulation> => {
  const { name } = part
  const token = options.token ?? randomBytes(24).toString("hex")
  const faults = createFaultBox<Own>()
  const listener = await startListener({ ...part, port: options.port ?? 0, faults })
  const faultRoutes = [
    command("set-fault", faultSchema(part.ownFaults), "Misbehave from now on", async (fault) => {
      faults.set(fault)
      await (fault.kind === "refuse" ? listener.refuse() : listener.accept())
      return { fault }
    }),
    defineRoute({
      method: "POST",
      url: "/control/clear-fault",
      summary: "Behave again",
      handler: async () => {
        faults.set(null)
        await listener.accept()
        return { fault: null }
      },
    }),
  ]
  try {
    const service = await buildService({
      name,
      version: "0.1.0",
      bind: { host: "127.0.0.1", port: options.controlPort ?? 0 },
      tokens: { control: secret(token), read: null },
      log: createLog({ name, level: options.logLevel ?? "warn", hide: [secret(token)] }),
      metrics: createMetrics({ name, version: "0.1.0" }),
      now: () => timestamp((options.now ?? Date.now)()),
      readiness: () => ({ ready: true, reasons: [] }),
      state: () => ({ ...part.state(), fault: faults.current(), calls: faults.calls() }),
      routes: [...part.routes, ...faultRoutes],
    })
    const running = await start(service)
    return {
      url: `http://127.0.0.1:${listener.port}${part.path}`,
      controlUrl: running.url,
      token,
      stop: async () => {
        await Promise.all([listener.refuse(), running.stop()])
      },
    }
  } catch (error) {
    await listener.refuse()
    throw error
  }
}
