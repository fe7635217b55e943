import { randomBytes } from "node:crypto"
import { secret } from "@landfall/adapters/config/secret"
import { buildService } from "@landfall/adapters/http/service"
import { start } from "@landfall/adapters/http/start"
import { createLog, type LogLevel } from "@landfall/adapters/log/log"
import { createMetrics } from "@landfall/adapters/metrics/metrics"
import { timestamp } from "@landfall/domain/timestamp"
import { type BridgeControl, bridgeControl } from "./control-client.ts"
import { controlRoutes } from "./control-routes.ts"
import { startRpcServer } from "./rpc-server.ts"
import { createBridgeStore, type Token } from "./store.ts"

export interface BridgeOptions {
  /** Where clients find it; free ports unless said. */
  readonly port?: number
  readonly controlPort?: number
  /** The control token; a random one unless said. */
  readonly token?: string
  readonly tokens?: readonly Token[]
  readonly logLevel?: LogLevel
  /** The clock of `created_at`, in milliseconds since the epoch. */
  readonly now?: () => number
}

/** A simulated bridge that listens. */
export interface Bridge {
  /** What `BRIDGE_URL` is set to. */
  readonly url: string
  readonly controlUrl: string
  readonly token: string
  readonly control: BridgeControl
  readonly stop: () => Promise<void>
}

/** Starts a simulated bridge on this machine: the wire shape of the real one, and strings to pull. */
export const startBridge = async (options: BridgeOptions = {}): Promise<Bridge> => {
  const now = options.now ?? Date.now
  const token = options.token ?? randomBytes(24).toString("hex")
  const store = createBridgeStore(now, options.tokens)
  const rpc = await startRpcServer(store, options.port ?? 0)
  try {
    const service = await buildService({
      name: "simulated-bridge",
      version: "0.1.0",
      bind: { host: "127.0.0.1", port: options.controlPort ?? 0 },
      tokens: { control: secret(token), read: null },
      log: createLog({ name: "simulated-bridge", level: options.logLevel ?? "warn", hide: [secret(token)] }),
      metrics: createMetrics({ name: "simulated-bridge", version: "0.1.0" }),
      now: () => timestamp(now()),
      readiness: () => ({ ready: true, reasons: [] }),
      state: () => ({
        handles: store.handles(),
        deposits: store.deposits(),
        tokens: store.tokens(),
        fault: store.fault(),
        calls: store.calls(),
      }),
      routes: controlRoutes(store, () => rpc),
    })
    const running = await start(service)
    return {
      url: `http://127.0.0.1:${rpc.port}/rpc`,
      controlUrl: running.url,
      token,
      control: bridgeControl(running.url, token),
      stop: async () => {
        await Promise.all([rpc.refuse(), running.stop()])
      },
    }
  } catch (error) {
    await rpc.refuse()
    throw error
  }
}
