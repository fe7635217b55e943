import { randomBytes } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { type JsonRpc, jsonRpc } from "./json-rpc.ts"
import { type Leashed, spawnLeashed } from "./leash.ts"
import { type Part, startPart } from "./part.ts"
import { toolsFolder } from "./paths.ts"
import { freePort } from "./ports.ts"
import { waitUntilReady } from "./ready.ts"

export interface BitcoindOptions {
  /** Data, settings and log go here. */
  readonly dir: string
  readonly port?: number
  /** More arguments for bitcoind. */
  readonly args?: readonly string[]
  /** Whether to give the wallet `miner` spendable coins by mining 101 blocks; yes unless told otherwise. */
  readonly fundMiner?: boolean
}

export interface Bitcoind extends Part {
  /** With user and password, as `BITCOIN_OBSERVER_URL` wants it. */
  readonly url: string
  readonly port: number
  /** Calls the node itself. The caller names the result's shape. */
  readonly rpc: JsonRpc
  /** Calls the node's wallet `miner`, which holds the coins to send in tests and in the sandbox. */
  readonly miner: JsonRpc
  /** Mines `count` blocks that pay `miner` and returns their hashes. */
  mine(count: number): Promise<readonly string[]>
}

const startTimeoutMs = 60_000
const coinbaseMaturityBlocks = 101

/** Starts bitcoind on a regtest chain of its own and resolves when it answers and `miner` can pay. */
export async function startBitcoind(options: BitcoindOptions): Promise<Bitcoind> {
  const dir = resolve(options.dir)
  const port = options.port ?? (await freePort())
  const log = join(dir, "bitcoind.log")
  await mkdir(dir, { recursive: true })
  const password = await writeSettings(dir)
  const url = `http://landfall:${password}@127.0.0.1:${port}`
  const rpc = jsonRpc(url)
  const miner = jsonRpc(`${url}/wallet/miner`)

  const args = [`-datadir=${dir}`, `-rpcport=${port}`, ...(options.args ?? [])]
  const start = async (): Promise<Leashed> => {
    const child = await spawnLeashed(bitcoindCommand(), args, { log })
    await waitUntilReady("bitcoind", child, log, startTimeoutMs, () => answers(rpc))
    await openMiner(rpc)
    return child
  }
  const part = await startPart(log, start)
  const bitcoind: Bitcoind = Object.assign(part, {
    url,
    port,
    rpc,
    miner,
    async mine(count: number) {
      const address = await miner<string>("getnewaddress")
      return await miner<string[]>("generatetoaddress", count, address)
    },
  })
  if (options.fundMiner !== false && (await rpc<number>("getblockcount")) === 0) {
    await bitcoind.mine(coinbaseMaturityBlocks)
  }
  return bitcoind
}

/** A password of its own for each folder, kept so that a restart has the same URL. */
async function writeSettings(dir: string): Promise<string> {
  const file = join(dir, "bitcoin.conf")
  const kept = /^rpcpassword=(\w+)$/m.exec(await readFile(file, "utf8").catch(() => ""))?.[1]
  const password = kept ?? randomBytes(16).toString("hex")
  const settings = [
    "regtest=1",
    "server=1",
    "txindex=0",
    "printtoconsole=1",
    "nodebuglogfile=1",
    // Knots ends itself some years after its release; Core does not know the setting and says so in its log.
    "softwareexpiry=0",
    // Knots also refuses what looks like spam to it: lock time 21, which its own wallet picks now and then at low heights.
    "rejectparasites=0",
    "[regtest]",
    "rpcbind=127.0.0.1",
    "rpcallowip=127.0.0.1",
    "rpcuser=landfall",
    `rpcpassword=${password}`,
    // It is alone on its chain: no peers, no name look-ups.
    "listen=0",
    "dnsseed=0",
    // An empty chain has no fees to estimate from.
    "fallbackfee=0.0001",
    "dbcache=32",
  ]
  await writeFile(file, `${settings.join("\n")}\n`, { mode: 0o600 })
  return password
}

/** The one that `BITCOIND` names, the one that set-up fetched, or the system's. */
function bitcoindCommand(): string {
  const fetched = join(toolsFolder, "bitcoind", "bitcoind")
  return process.env.BITCOIND || (existsSync(fetched) ? fetched : "bitcoind")
}

async function answers(rpc: JsonRpc): Promise<boolean> {
  // Refused while it starts, error -28 while it loads: neither is news.
  return await rpc("getblockchaininfo").then(
    () => true,
    () => false,
  )
}

async function openMiner(rpc: JsonRpc): Promise<void> {
  const loaded = await rpc<string[]>("listwallets")
  if (loaded.includes("miner")) return
  const { wallets } = await rpc<{ wallets: { name: string }[] }>("listwalletdir")
  const kept = wallets.some(({ name }) => name === "miner")
  await (kept ? rpc("loadwallet", "miner") : rpc("createwallet", "miner"))
}
