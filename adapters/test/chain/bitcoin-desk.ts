import { amount } from "@landfall/domain/amount"
import { recordDecoder, recordEncoder } from "@landfall/domain/codec"
import { type FundingObservation, fundingObservationTopic } from "@landfall/domain/topics/funding-observation"
import { decideObservations } from "@landfall/evaluators/funding/decide-observations"
import type { BridgeDeposit } from "@landfall/evaluators/funding/facts"
import type { FundingPolicy } from "@landfall/evaluators/funding/policy"
import { watchPlan } from "@landfall/evaluators/funding/watch-plan"
import { foldInto } from "@landfall/projections/fold"
import { type FundingTransfer, fundingTransfer } from "@landfall/projections/funding-transfer"
import type { Bitcoind } from "@landfall/setup/parts/bitcoind"
import { jsonRpc } from "@landfall/setup/parts/json-rpc"
import { expect, vi } from "vitest"
import { givenObserver } from "./given-bitcoind.ts"

const policy: FundingPolicy = {
  assets: [
    {
      asset_id: "BTC",
      chain: "bitcoin",
      confirmations: [{ from_amount: amount(0n), confirmations: 2 }],
      min_deposit_amount: amount(10_000n),
    },
  ],
  match_window_ms: 3_600_000,
}

const encode = recordEncoder(fundingObservationTopic)
const decode = recordDecoder(fundingObservationTopic)

/** A desk that looks at a real bitcoind: each look is decided, written, read back and folded. */
export const givenDesk = async (node: Bitcoind, ...addresses: ReadonlyArray<string>) => {
  const transfers = new Map<string, FundingTransfer>()
  const handles = addresses.map((funding_handle) => ({
    account_id: "desk.near",
    asset_id: "BTC",
    chain: "bitcoin" as const,
    funding_handle,
  }))
  let observer = givenObserver(node.url, { timeoutMs: 5_000 })
  observer.watchNow(...addresses)
  const look = async (
    bridge: ReadonlyArray<BridgeDeposit> = [],
  ): Promise<ReadonlyArray<FundingObservation>> => {
    const plan = watchPlan(transfers.values(), "bitcoin", policy, observer.status().health.tip_height)
    const facts = { chains: { bitcoin: await observer.poll(plan) }, bridge, handles }
    const read = decideObservations(transfers, facts, policy, Date.now()).map((observation) => {
      const decoded = decode(new TextEncoder().encode(encode(observation)))
      if (!decoded.ok) throw new Error(`the topic would refuse this: ${decoded.reason}`)
      return decoded.record
    })
    foldInto(fundingTransfer, transfers, read)
    expect(decideObservations(transfers, facts, policy, Date.now())).toEqual([])
    return read
  }
  expect(await look()).toEqual([])
  const wallet = jsonRpc(`${node.url}/wallet/landfall-watch`)
  return {
    look,
    /** What a look added, in the order of the transfers' first sight. */
    summary: async (bridge?: ReadonlyArray<BridgeDeposit>) =>
      (await look(bridge)).map(({ status, cause }) => `${status} (${cause})`),
    /** The same, once bitcoind's wallet knows the transaction: it hears of one a few milliseconds after the node. */
    summaryWith: async (txid: string) => {
      await vi.waitFor(() => wallet("gettransaction", txid), { timeout: 5_000, interval: 5 })
      return (await look()).map(({ status, cause }) => `${status} (${cause})`)
    },
    /** Where the transfers of a transaction stand. */
    of: (txid: string) => [...transfers.values()].filter(({ tx_hash }) => tx_hash === txid),
    transfers,
    health: () => observer.status().health.state,
    lastError: () => observer.status().last_error,
    /** The process begins anew with what was recorded. */
    restart: () => {
      observer = givenObserver(node.url)
      observer.watchNow(...addresses)
    },
  }
}

/** What the bridge lists for a deposit in BTC. */
export const credit = (changes: Partial<BridgeDeposit> & Pick<BridgeDeposit, "address" | "amount">) => ({
  tx_hash: null,
  chain: "bitcoin" as const,
  asset_id: "BTC",
  account_id: "desk.near",
  status: "COMPLETED",
  created_at_ms: Date.now(),
  ...changes,
})

interface Coin {
  readonly txid: string
  readonly vout: number
  readonly amount: number
}

/** What tests do to a chain, past what a wallet would choose. */
export const senderOf = (node: Bitcoind) => {
  const coin = async (): Promise<Coin> => {
    const coins = await node.miner<Coin[]>("listunspent", 1)
    const [found] = coins.sort((left, right) => right.amount - left.amount)
    if (found === undefined) throw new Error("the miner has no coin")
    return found
  }
  const sign = async (raw: string): Promise<string> =>
    (await node.miner<{ hex: string }>("signrawtransactionwithwallet", raw)).hex
  /** Spends the coin to the address, but for the fee; signed and not sent. */
  const spend = async (from: Coin, to: string, fee: number): Promise<string> =>
    sign(
      await node.rpc<string>(
        "createrawtransaction",
        [{ txid: from.txid, vout: from.vout }],
        [{ [to]: (from.amount - fee).toFixed(8) }],
        0,
        true,
      ),
    )
  const newAddress = (): Promise<string> => node.miner<string>("getnewaddress")
  return {
    newAddress,
    /** Addresses far beyond those that the wallet itself looks at. */
    foreignAddresses: async (count: number): Promise<ReadonlyArray<string>> => {
      const { descriptors } = await node.miner<{ descriptors: Array<{ desc: string }> }>("listdescriptors")
      const desc = descriptors.find((one) => one.desc.startsWith("wpkh("))?.desc
      return await node.rpc<string[]>("deriveaddresses", desc, [1_000_000, 1_000_000 + count - 1])
    },
    coin,
    sign,
    spend,
    send: (to: string, bitcoin: string): Promise<string> => node.miner<string>("sendtoaddress", to, bitcoin),
    broadcast: (raw: string): Promise<string> => node.rpc<string>("sendrawtransaction", raw, 0),
    txidOf: async (raw: string): Promise<string> =>
      (await node.rpc<{ txid: string }>("decoderawtransaction", raw)).txid,
    /** Two signed transactions that spend the same coin: one to the address, a dearer one elsewhere. */
    rivals: async (address: string) => {
      const from = await coin()
      return { raw: await spend(from, address, 0.0001), rival: await spend(from, await newAddress(), 0.001) }
    },
    /** Mines a block with these transactions only. */
    mineOnly: async (...raws: ReadonlyArray<string>): Promise<string> =>
      (await node.rpc<{ hash: string }>("generateblock", await newAddress(), raws)).hash,
    blockOf: async (txid: string): Promise<string> =>
      (await node.miner<{ blockhash: string }>("gettransaction", txid)).blockhash,
  }
}
