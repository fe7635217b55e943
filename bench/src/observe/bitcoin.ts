import { mkdtemp, rm } from "node:fs/promises"
import { join } from "node:path"
import { bitcoindRpc } from "@landfall/adapters/chain/bitcoin-rpc"
import { bitcoindObserver } from "@landfall/adapters/chain/bitcoind"
import { endpoint } from "@landfall/adapters/config/endpoint"
import { type Bitcoind, startBitcoind } from "@landfall/setup/parts/bitcoind"
import type { BenchContext } from "../bench.ts"
import { comparePolls, fewHandles, type Looking, looking, type PollRun } from "./polls.ts"

const deposits = 40
const pollsARun = 20
/** Spendable coins for the deposits, so that they do not form one long chain of unmined change. */
const coins = 30

/**
 * Where the node's wallets are: in memory where there is such a folder. bitcoind waits for the disk after each address that it
 * imports, which is no part of a poll.
 */
const nodeFolder = async (folder: string, stack: AsyncDisposableStack): Promise<string> => {
  const inMemory = await mkdtemp("/dev/shm/landfall-bench-").catch(() => null)
  if (inMemory === null) return join(folder, "bitcoind")
  stack.defer(() => rm(inMemory, { recursive: true, force: true }))
  return inMemory
}

/** So many addresses of the node's own wallet: what they are is all the same to who watches them. */
const deriveAddresses = async (node: Bitcoind, count: number): Promise<ReadonlyArray<string>> => {
  const { descriptors } = await node.miner<{
    descriptors: ReadonlyArray<{ desc: string; internal?: boolean }>
  }>("listdescriptors")
  const found = descriptors.find(({ desc, internal }) => desc.startsWith("wpkh(") && internal !== true)
  if (found === undefined) throw new Error("bitcoind's wallet has no descriptor of segwit addresses")
  return node.rpc<string[]>("deriveaddresses", found.desc, [0, count - 1])
}

const watcher = (node: Bitcoind, addresses: ReadonlyArray<string>): Looking => {
  const wallet = `watch-${addresses.length}`
  const observer = bitcoindObserver({
    rpc: bitcoindRpc({ endpoint: endpoint(node.url), wallet, timeoutMs: 60_000 }),
    wallet,
    network: "regtest",
    tip_age_ms_max: null,
    now: Date.now,
    random: Math.random,
  })
  const issued_at_ms = Date.now() - 3_600_000
  return looking(
    observer,
    addresses.map((address) => ({ address, issued_at_ms })),
  )
}

/** Polls of real bitcoind with few and with many watched addresses, and the same open deposits in both. */
export const bitcoinPolls = async ({
  sizes,
  folder,
  say,
  stack,
}: BenchContext): Promise<ReadonlyArray<PollRun>> => {
  const node = await startBitcoind({ dir: await nodeFolder(folder, stack) })
  stack.defer(() => node.stop())
  await node.mine(coins)
  const addresses = await deriveAddresses(node, sizes.handles)
  const few = watcher(node, addresses.slice(0, fewHandles))
  const many = watcher(node, addresses)
  say(`bitcoind: importing ${addresses.length} addresses`)
  await few.settle()
  await many.settle()
  let sent = 0
  const deposit = async (): Promise<void> => {
    await node.miner("sendtoaddress", addresses[sent++ % fewHandles] as string, "0.01")
  }
  for (let made = 0; made < deposits; made++) {
    await deposit()
    if (made % 10 === 9) await node.mine(1)
  }
  return comparePolls(
    few,
    many,
    async () => {
      await deposit()
      if (sent % 10 === 0) await node.mine(1)
      // bitcoind tells its wallets a moment later; both observers are to find them told.
      await node.rpc("syncwithvalidationinterfacequeue")
    },
    { runs: sizes.runs, polls: pollsARun },
  )
}
