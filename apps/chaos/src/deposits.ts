import { randomBytes } from "node:crypto"
import { amount } from "@landfall/domain/amount"
import { openWallet } from "@landfall/sandbox/stack/wallets"
import type { Random } from "@landfall/simulation/world/random"
import type postgres from "postgres"
import type { Truth } from "./truth.ts"
import { pause, repeatedly, saying } from "./waiting.ts"
import { accountId, type World } from "./world.ts"

export type ChainName = "bitcoin" | "gnosis"

/** What the bridge makes of a deposit. */
const courses = [
  "same_hash",
  "same_hash",
  "same_hash",
  "pending_first",
  "failed_first",
  "other_hash",
] as const
export type Course = (typeof courses)[number]

/** A real deposit that was sent. */
export interface Deposit {
  readonly chain: ChainName
  readonly tx_hash: string
  readonly address: string
  readonly amount: bigint
  readonly course: Course
  /** When the bridge makes the next of its steps at the earliest, once a block has it. */
  due_ms: number
  /** The transaction that its sender replaced it with. */
  replaced_by: string | null
  deposit_id: string | null
  credited: boolean
}

/** A stream of real deposits, and a bridge that credits them. */
export interface Deposits {
  readonly all: () => ReadonlyArray<Deposit>
  /** Whether a block of the chain has it now. */
  readonly isMined: (deposit: Deposit) => Promise<boolean>
  readonly troubles: () => ReadonlyMap<string, number>
  /** Sends no more. */
  readonly stopSending: () => Promise<void>
  /** Looks for what was sent though the node's answer was lost, sends again what no block and no mempool has, and hurries. */
  readonly reconcile: () => Promise<void>
  /** Ends blocks and credits too. */
  readonly stop: () => Promise<void>
}

export interface DepositsOptions {
  readonly world: World
  readonly truth: Truth
  readonly sql: postgres.Sql
  readonly random: Random
}

/** What bitcoind's wallet says of one output that it sent. */
interface WalletEntry {
  readonly category: string
  readonly txid: string
  readonly address?: string
  /** In coins, negative. */
  readonly amount: number
  readonly confirmations: number
}

const bridgeChain = { bitcoin: "btc:mainnet", gnosis: "eth:100" } as const
const asset = {
  bitcoin: { asset_id: "BTC", token_id: "nep141:btc.omft.near" },
  gnosis: {
    asset_id: "EURe",
    token_id: "nep141:gnosis-0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430.omft.near",
  },
} as const
const handlesMax = 12
const transferEvent = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"

/** Begins to send, to mine and to credit. What fails because a part is away is tried again or left out. */
export const startDeposits = ({ world, truth, sql, random }: DepositsOptions): Deposits => {
  const { bitcoind, anvil, eure, parts, bitcoinLock, gnosisLock } = world
  const sending = new AbortController()
  const living = new AbortController()
  const deposits: Deposit[] = []
  const troubles = new Map<string, number>()
  const trouble = (what: string) => (error: unknown) => {
    const text = `${what}: ${saying(error)}`.slice(0, 160)
    troubles.set(text, (troubles.get(text) ?? 0) + 1)
  }
  const issued: { readonly [Chain in ChainName]: string[] } = { bitcoin: [], gnosis: [] }
  const watched = new Set<string>()
  let made = 0
  let hurried = false
  /** How long the bridge takes for its next step: no time once everything was healed. */
  const dawdle = (least_ms: number, most_ms: number): number =>
    performance.now() + (hurried ? 0 : random.int(least_ms, most_ms))

  const add = (
    chain: ChainName,
    tx_hash: string,
    address: string,
    amount: bigint,
    course: Course,
  ): Deposit => {
    const due_ms = dawdle(500, 15_000)
    const deposit = { chain, tx_hash, address, amount, course, due_ms, replaced_by: null, deposit_id: null }
    const added: Deposit = { ...deposit, credited: false }
    deposits.push(added)
    return added
  }

  /** The bridge issues one address after another; the next when the one before is recorded. */
  const issueHandle = async (): Promise<void> => {
    const chain = random.pick(["bitcoin", "gnosis"] as const)
    const last = issued[chain].at(-1)
    if (last !== undefined && !watched.has(last)) {
      const [row] = await sql`select 1 from funding_handle_snapshot where funding_handle = ${last} and active`
      if (row !== undefined) watched.add(last)
      return
    }
    if (issued[chain].length >= handlesMax) return
    const wallet = await openWallet(bitcoind.url, "bridge")
    const address =
      chain === "bitcoin"
        ? await wallet<string>("getnewaddress", "", "bech32")
        : `0x${randomBytes(20).toString("hex")}`
    await parts.bridge.control.issueHandle({ account_id: accountId, chain: bridgeChain[chain], address })
    issued[chain].push(address)
  }

  const sendBitcoin = async (address: string, satoshi: bigint, course: Course): Promise<void> => {
    const coins = (Number(satoshi) / 1e8).toFixed(8)
    const tx_hash = await bitcoind.miner<string>("sendtoaddress", address, coins)
    const deposit = add("bitcoin", tx_hash, address, satoshi, course)
    if (course !== "same_hash" || !random.chance(0.15)) return
    truth.mayBeGone(tx_hash)
    const { txid } = await bitcoind.miner<{ txid: string }>("bumpfee", tx_hash)
    deposit.replaced_by = txid
    add("bitcoin", txid, address, satoshi, course)
  }

  const send = async (): Promise<void> => {
    const wanted = random.chance(0.7) ? "bitcoin" : "gnosis"
    const other = wanted === "bitcoin" ? "gnosis" : "bitcoin"
    const chain = issued[wanted].some((issue) => watched.has(issue)) ? wanted : other
    const address = random.pick(issued[chain].filter((issue) => watched.has(issue)))
    const course = random.pick(courses)
    // Amounts that no other deposit has, nor any sum of them by chance.
    const nth = BigInt(++made)
    if (chain === "bitcoin") await bitcoinLock(() => sendBitcoin(address, 20_000n + nth * 1_009n, course))
    else
      await gnosisLock(async () => {
        const wei = 10n ** 18n + nth * 1_000_000_007n
        add("gnosis", await eure.send(address, wei), address, wei, course)
      })
  }

  const mine = async (): Promise<void> => {
    await bitcoinLock(async () => {
      const pool = await openWallet(bitcoind.url, "pool")
      await bitcoind.rpc("generatetoaddress", 1, await pool<string>("getnewaddress"))
    })
    await gnosisLock(() => anvil.rpc("anvil_mine", "0x1"))
  }

  const isMined = async ({ chain, tx_hash }: Deposit): Promise<boolean> => {
    if (chain === "gnosis") return (await anvil.rpc("eth_getTransactionReceipt", tx_hash)) !== null
    const { confirmations } = await bitcoind.miner<{ confirmations: number }>("gettransaction", tx_hash)
    return confirmations > 0
  }

  /** The bridge's next step with a deposit. */
  const turn = async (deposit: Deposit): Promise<void> => {
    const { control } = parts.bridge
    const { chain, course, address, tx_hash } = deposit
    if (deposit.deposit_id === null) {
      const listed = course === "other_hash" ? `0x${randomBytes(32).toString("hex")}` : tx_hash
      const { deposit_id } = await control.addDeposit({
        account_id: accountId,
        chain: bridgeChain[chain],
        address,
        amount: amount(deposit.amount),
        tx_hash: listed,
      })
      deposit.deposit_id = deposit_id
      if (course === "failed_first") await control.fail(deposit_id)
      if (course === "failed_first" || course === "pending_first") {
        deposit.due_ms = dawdle(500, 8_000)
        return
      }
    }
    // Known as held before the verifier can say so.
    truth.credit(asset[chain].asset_id, deposit.amount)
    deposit.credited = true
    await control.credit({ deposit_id: deposit.deposit_id })
    await parts.verifier.control.credit({
      account_id: accountId,
      token_id: asset[chain].token_id,
      amount: amount(deposit.amount),
    })
  }

  const credit = async (): Promise<void> => {
    for (const deposit of deposits) {
      if (deposit.credited || deposit.replaced_by !== null || deposit.due_ms > performance.now()) continue
      if (await isMined(deposit)) await turn(deposit)
    }
  }

  const senders = [
    repeatedly(700, sending.signal, issueHandle, trouble("issuing a handle")),
    (async () => {
      while (!sending.signal.aborted) {
        if (watched.size > 0) await send().catch(trouble("sending"))
        await pause(random.int(300, 1_500), sending.signal)
      }
    })(),
  ]
  const keepers = [
    repeatedly(1_500, living.signal, mine, trouble("mining")),
    repeatedly(500, living.signal, credit, trouble("crediting")),
  ]

  const reconcileBitcoin = async (): Promise<void> => {
    const { miner } = bitcoind
    const listed = await miner<ReadonlyArray<WalletEntry>>("listtransactions", "*", 100_000)
    const sent = listed.filter(
      ({ category, address = "" }) => category === "send" && issued.bitcoin.includes(address),
    )
    for (const { txid, address = "", amount: coins } of sent) {
      if (deposits.some(({ tx_hash }) => tx_hash === txid)) continue
      const satoshi = BigInt(Math.round(-coins * 1e8))
      const twin = deposits.find((one) => one.amount === satoshi && one.address === address)
      if (twin !== undefined) twin.replaced_by = txid
      add("bitcoin", txid, address, satoshi, "same_hash")
    }
    // The oldest first: the others spend its change. What was replaced is refused, and so is what the node has.
    for (const { txid, confirmations } of sent) {
      if (confirmations !== 0) continue
      const { hex } = await miner<{ hex: string }>("gettransaction", txid)
      await bitcoind.rpc("sendrawtransaction", hex).catch(() => {})
    }
  }
  const reconcileGnosis = async (): Promise<void> => {
    const logs = await anvil.rpc<ReadonlyArray<{ transactionHash: string; topics: string[]; data: string }>>(
      "eth_getLogs",
      { address: eure.contract, topics: [transferEvent], fromBlock: "0x0", toBlock: "latest" },
    )
    for (const { transactionHash, topics, data } of logs) {
      const address = `0x${(topics[2] ?? "").slice(26)}`
      if (!issued.gnosis.includes(address)) continue
      if (deposits.some(({ tx_hash }) => tx_hash === transactionHash)) continue
      add("gnosis", transactionHash, address, BigInt(data), "same_hash")
    }
  }
  return {
    all: () => deposits,
    isMined,
    troubles: () => troubles,
    stopSending: async () => {
      sending.abort()
      await Promise.all(senders)
    },
    reconcile: async () => {
      hurried = true
      await bitcoinLock(reconcileBitcoin)
      await gnosisLock(reconcileGnosis)
      for (const deposit of deposits) deposit.due_ms = Math.min(deposit.due_ms, performance.now())
    },
    stop: async () => {
      living.abort()
      await Promise.all(keepers)
    },
  }
}
