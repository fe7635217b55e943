import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setImmediate } from "node:timers/promises"
import type { SeenOutput } from "@landfall/evaluators/funding/facts"
import type { ExpectedOutput, WatchPlan } from "@landfall/evaluators/funding/watch-plan"
import { type Anvil, startAnvil } from "@landfall/setup/parts/anvil"
import {
  callerCode,
  callInput,
  eureV2,
  mintInput,
  placeToken,
  transferInput,
} from "@landfall/setup/parts/eure"
import { type EvmObserverOptions, evmObserver } from "../../src/chain/evm-observer.ts"
import { evmRpc } from "../../src/chain/evm-rpc.ts"
import { endpoint } from "../../src/config/endpoint.ts"

export const handleA = "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa"
export const handleB = "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"
/** Somebody who is not watched. */
export const stranger = "0x00000000000000000000000000000000000000c1"
/** Where the contract that makes calls is put. */
export const caller = "0x00000000000000000000000000000000000000ca"
export const ether = 10n ** 18n

/** What tests do to a chain with the token on it. */
export interface TokenChain {
  readonly anvil: Anvil
  readonly sender: string
  /** Sends a transaction that anvil mines at once, unless told otherwise, and gives its hash. */
  readonly transact: (to: string, data: string) => Promise<string>
  readonly transfer: (to: string, amount: bigint) => Promise<string>
  /** Transfers by a contract in one transaction. */
  readonly proxied: (...transfers: ReadonlyArray<readonly [to: string, amount: bigint]>) => Promise<string>
  readonly mine: (blocks: number) => Promise<void>
  /** Replaces the newest blocks by others without their transactions, but for those given with the block they go to. */
  readonly reorg: (
    depth: number,
    ...kept: ReadonlyArray<readonly [raw: string, block: number]>
  ) => Promise<void>
  /** The transaction as it was sent. */
  readonly raw: (hash: string) => Promise<string>
}

/** A real anvil whose finality is two blocks behind, with the token and somebody who has some. */
export const givenAnvil = async (): Promise<TokenChain & AsyncDisposable> => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-anvil-"))
  const anvil = await startAnvil({ dir, args: ["--slots-in-an-epoch", "1"] })
  const { rpc } = anvil
  const [sender = ""] = await rpc<ReadonlyArray<string>>("eth_accounts")
  const transact = async (to: string, data: string) => {
    const hash = await rpc<string>("eth_sendTransaction", { from: sender, to, data, gas: "0x7a120" })
    // anvil answers a little before it has mined it.
    while ((await rpc("eth_getTransactionReceipt", hash)) === null) await setImmediate()
    return hash
  }
  await placeToken(rpc)
  await rpc("anvil_setCode", caller, callerCode)
  await transact(eureV2, mintInput(sender, 1_000_000n * ether))
  await transact(eureV2, mintInput(caller, 1_000_000n * ether))
  return {
    anvil,
    sender,
    transact,
    transfer: (to, amount) => transact(eureV2, transferInput(to, amount)),
    proxied: (...transfers) =>
      transact(
        caller,
        `0x${transfers.map(([to, amount]) => callInput(eureV2, transferInput(to, amount))).join("")}`,
      ),
    mine: async (blocks) => {
      await rpc("anvil_mine", `0x${blocks.toString(16)}`)
    },
    reorg: async (depth, ...kept) => {
      await rpc("anvil_reorg", depth, kept)
    },
    raw: (hash) => rpc<string>("eth_getRawTransactionByHash", hash),
    [Symbol.asyncDispose]: async () => {
      await anvil.kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** An observer as a freshly started process would have it, and what it is told to expect. */
export const givenObserver = (url: string, changes: Partial<EvmObserverOptions> = {}) => {
  const observer = evmObserver({
    rpc: evmRpc({ endpoint: endpoint(url), total_timeout_ms: 20_000 }),
    // A machine that is busy makes no node slow.
    wait_ms: 20_000,
    chain_id: 100,
    token: eureV2,
    first_block: 0,
    tip_age_ms_max: null,
    now: Date.now,
    random: () => 0,
    ...changes,
  })
  return {
    ...observer,
    look: (expected: ReadonlyArray<ExpectedOutput> = []) =>
      observer.poll({ confirmations: 1, expected } satisfies WatchPlan),
    watchNow: (...addresses: ReadonlyArray<string>) =>
      observer.watch(addresses.map((address) => ({ address, issued_at_ms: Date.now() }))),
  }
}

/** What is told apart at a glance: who got how much, where it stands. */
export const told = ({ funding_handle, amount, output_index, confirmations, final }: SeenOutput) =>
  `${funding_handle.slice(0, 4)} #${output_index} ${amount} ${confirmations}${final === true ? " final" : ""}`

let addresses = 0x1000
/** An address that no other test of the file uses. */
export const freshAddress = (): string => `0x${(addresses++).toString(16).padStart(40, "0")}`

/** A clock that is a minute further each time it is asked: nothing waits for a backoff. */
export const steppingClock = (): (() => number) => {
  let now_ms = Date.now()
  return () => {
    now_ms += 60_000
    return now_ms
  }
}
