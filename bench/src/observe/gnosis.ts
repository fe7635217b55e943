import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { evmObserver } from "@landfall/adapters/chain/evm-observer"
import { evmRpc } from "@landfall/adapters/chain/evm-rpc"
import { endpoint } from "@landfall/adapters/config/endpoint"
import { placeEure } from "@landfall/sandbox/eure/eure"
import { type Anvil, startAnvil } from "@landfall/setup/parts/anvil"
import type { BenchContext } from "../bench.ts"
import { comparePolls, fewHandles, type Looking, looking, type PollRun } from "./polls.ts"

const pollsARun = 20
const askAgainMs = 2

const addressOf = (serial: number): string => `0x${(0x1000 + serial).toString(16).padStart(40, "0")}`

const watcher = (anvil: Anvil, token: string, count: number): Looking =>
  looking(
    evmObserver({
      rpc: evmRpc({ endpoint: endpoint(anvil.url), total_timeout_ms: 20_000 }),
      wait_ms: 20_000,
      chain_id: 100,
      token,
      first_block: 0,
      tip_age_ms_max: null,
      now: Date.now,
      random: Math.random,
    }),
    Array.from({ length: count }, (_, serial) => ({
      address: addressOf(serial),
      issued_at_ms: Date.now() - 3_600_000,
    })),
  )

/** Polls of real anvil with few and with many watched addresses, a transfer in a new block before each. */
export const gnosisPolls = async ({
  sizes,
  folder,
  say,
  stack,
}: BenchContext): Promise<ReadonlyArray<PollRun>> => {
  const anvil = await startAnvil({ dir: join(folder, "anvil"), args: ["--slots-in-an-epoch", "1"] })
  stack.defer(() => anvil.kill())
  const eure = await placeEure(anvil.rpc)
  const few = watcher(anvil, eure.contract, fewHandles)
  const many = watcher(anvil, eure.contract, sizes.handles)
  say("anvil: reading the history of the addresses")
  await few.settle()
  await many.settle()
  let sent = 0
  return comparePolls(
    few,
    many,
    async () => {
      const hash = await eure.send(addressOf(sent++ % fewHandles), 10n ** 18n)
      while ((await anvil.rpc("eth_getTransactionReceipt", hash)) === null) await sleep(askAgainMs)
    },
    { runs: sizes.runs, polls: pollsARun },
  )
}
