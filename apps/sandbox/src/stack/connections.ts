import { mkdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import type { Parts } from "./parts.ts"
import type { RunningService } from "./services.ts"

/** Writes where everything is and the tokens, readable by this user only, so that any client can join in. */
export const writeConnections = async (
  file: string,
  parts: Parts,
  services: ReadonlyArray<RunningService>,
): Promise<void> => {
  await mkdir(dirname(file), { recursive: true })
  const connections = {
    pid: process.pid,
    kafka_brokers: parts.brokers,
    database_url: parts.databaseUrl,
    bitcoin_observer_url: parts.bitcoinUrl,
    bitcoin_second_observer_url: parts.secondBitcoinUrl,
    gnosis_observer_url: parts.gnosisUrl,
    bridge: controls(parts.bridge),
    verifier: controls(parts.verifier),
    ticker: controls(parts.ticker),
    relay: controls(parts.relay),
    executor: { control_url: parts.executor.controlUrl, control_token: parts.executor.token },
    services: Object.fromEntries(
      services.map(({ name, url, token, process: { pid }, log }) => [
        name,
        { url, control_token: token, pid, log },
      ]),
    ),
  }
  await writeFile(file, `${JSON.stringify(connections, null, 2)}\n`, { mode: 0o600 })
}

const controls = (part: { readonly url: string; readonly controlUrl: string; readonly token: string }) => ({
  url: part.url,
  control_url: part.controlUrl,
  control_token: part.token,
})

/** Throws when another sandbox of this checkout is running; its data must not be shared. */
export const refuseSecondSandbox = async (file: string): Promise<void> => {
  const pid = await readFile(file, "utf8").then(
    (text) => (JSON.parse(text) as { pid?: number }).pid ?? null,
    () => null,
  )
  if (
    pid === null ||
    pid === process.pid ||
    !isSandbox(await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => ""))
  )
    return
  throw new Error(
    `a sandbox of this checkout is already running (process ${pid}); end it first, or use its ${file}`,
  )
}

const isSandbox = (commandLine: string): boolean => commandLine.includes("sandbox/src/main.ts")

/** Takes the file away: what it names is gone. */
export const removeConnections = (file: string): Promise<void> => rm(file, { force: true })
