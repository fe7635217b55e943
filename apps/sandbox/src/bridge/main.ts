import { required, withDefault } from "@landfall/adapters/config/field"
import { oneOf, port, secretText } from "@landfall/adapters/config/kinds"
import { limits } from "@landfall/adapters/config/limits"
import { reveal } from "@landfall/adapters/config/secret"
import { loadSettings, SettingsError } from "@landfall/adapters/config/settings"
import { StartRefused } from "@landfall/adapters/http/start"
import { logLevels } from "@landfall/adapters/log/log"
import { startBridge } from "./start.ts"

/** The settings of the simulated bridge as a process of its own. */
const table = {
  BRIDGE_PORT: withDefault(port, "0", "where the simulated bridge listens"),
  BRIDGE_CONTROL_PORT: withDefault(port, "0", "where its control commands are taken"),
  BRIDGE_CONTROL_TOKEN: required(
    secretText({ length_min: limits.config.token_length_min }),
    "the token of its control commands",
  ),
  LOG_LEVEL: withDefault(oneOf(logLevels), "info", "how much is logged"),
}

try {
  const settings = loadSettings(table, process.env)
  const bridge = await startBridge({
    port: settings.BRIDGE_PORT,
    controlPort: settings.BRIDGE_CONTROL_PORT,
    token: reveal(settings.BRIDGE_CONTROL_TOKEN),
    logLevel: settings.LOG_LEVEL,
  })
  // One line for whoever started it on free ports; the token is not repeated.
  process.stdout.write(`${JSON.stringify({ url: bridge.url, control_url: bridge.controlUrl })}\n`)
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void bridge.stop())
} catch (error) {
  if (!(error instanceof SettingsError || error instanceof StartRefused)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 1
}
