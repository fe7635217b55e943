import { mkdir } from "node:fs/promises"
import { createRequire } from "node:module"
import { join, resolve } from "node:path"
import { type JsonRpc, jsonRpc } from "./json-rpc.ts"
import { type Leashed, spawnLeashed } from "./leash.ts"
import { type Part, startPart } from "./part.ts"
import { freePort } from "./ports.ts"
import { waitUntilReady } from "./ready.ts"

export interface AnvilOptions {
  /** State and log go here. */
  readonly dir: string
  readonly port?: number
  /** More arguments for anvil. */
  readonly args?: readonly string[]
}

export interface Anvil extends Part {
  /** As `GNOSIS_OBSERVER_URL` wants it. */
  readonly url: string
  readonly port: number
  /** Calls one JSON-RPC method. The caller names the result's shape. */
  readonly rpc: JsonRpc
}

const startTimeoutMs = 30_000
const gnosisChainId = 100

/** Starts anvil, a real EVM node for development, with Gnosis' chain id, and resolves when it answers. */
export async function startAnvil(options: AnvilOptions): Promise<Anvil> {
  const dir = resolve(options.dir)
  const port = options.port ?? (await freePort())
  const log = join(dir, "anvil.log")
  const url = `http://127.0.0.1:${port}`
  const rpc = jsonRpc(url)
  await mkdir(dir, { recursive: true })

  const state = ["--state", join(dir, "state.json"), "--preserve-historical-states"]
  const args = ["--host", "127.0.0.1", "--port", `${port}`, "--chain-id", `${gnosisChainId}`, ...state]
  const start = async (): Promise<Leashed> => {
    const child = await spawnLeashed(anvilCommand(), [...args, ...(options.args ?? [])], { log })
    await waitUntilReady("anvil", child, log, startTimeoutMs, () =>
      rpc("eth_chainId").then(
        () => true,
        () => false,
      ),
    )
    return child
  }
  return Object.assign(await startPart(log, start), { url, port, rpc })
}

/** The binary inside the npm package, or the one that `ANVIL` names. */
function anvilCommand(): string {
  if (process.env.ANVIL) return process.env.ANVIL
  // Its own package asks for the platform's: `require` follows that path wherever npm put it.
  const launcher = createRequire(import.meta.url).resolve("@foundry-rs/anvil/package.json")
  return createRequire(launcher).resolve("@foundry-rs/anvil-linux-amd64/bin/anvil")
}
