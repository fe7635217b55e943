import { conflict, notFound } from "@landfall/adapters/http/http-error"
import type { Fault } from "./control-api.ts"

/** A deposit address that the bridge gave to an account. The chain is in the bridge's words: `btc:mainnet`, `eth:100`. */
export interface Handle {
  readonly account_id: string
  readonly chain: string
  readonly address: string
}

/** One row of `recent_deposits`. */
export interface Deposit extends Handle {
  readonly deposit_id: string
  readonly amount: bigint
  /** As the bridge says it: may be empty, and may differ from the chain's. */
  readonly tx_hash: string
  readonly status: string
  readonly mint_tx_hash: string
  readonly from: string
  readonly created_at: string
}

/** A token that the bridge takes, and the least of it that it credits. */
export interface Token {
  readonly chain: string
  readonly defuse_asset_identifier: string
  readonly near_token_id: string
  readonly decimals: number
  readonly asset_name: string
  readonly min_deposit_amount: bigint
}

/** The tokens of the desk, under the real bridge's names for them. */
export const deskTokens: readonly Token[] = [
  {
    chain: "btc:mainnet",
    defuse_asset_identifier: "btc:mainnet:native",
    near_token_id: "btc.omft.near",
    decimals: 8,
    asset_name: "BTC",
    min_deposit_amount: 7_000n,
  },
  {
    chain: "eth:100",
    defuse_asset_identifier: "eth:100:0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430",
    near_token_id: "gnosis-0x420ca0f9b9b604ce0fd9c18ef134c705e5fa3430.omft.near",
    decimals: 18,
    asset_name: "EURe",
    min_deposit_amount: 10n ** 18n,
  },
]

/** How many rows the simulated bridge keeps; a story has tens, a load test some thousands. */
const rows_max = 100_000

/** All that the simulated bridge knows, in memory. */
export interface BridgeStore {
  readonly handles: () => readonly Handle[]
  readonly tokens: () => readonly Token[]
  /** Newest first. */
  readonly deposits: () => readonly Deposit[]
  readonly fault: () => Fault | null
  /** How often each method was asked. */
  readonly calls: () => Readonly<Record<string, number>>
  readonly issueHandle: (handle: Handle) => void
  readonly setMinimum: (chain: string, min_deposit_amount: bigint) => void
  readonly addDeposit: (deposit: Omit<Deposit, "deposit_id" | "created_at">) => Deposit
  readonly change: (
    deposit_id: string,
    change: Partial<Pick<Deposit, "tx_hash" | "status" | "mint_tx_hash">>,
  ) => Deposit
  readonly setFault: (fault: Fault | null) => void
  readonly countCall: (method: string) => void
  /** The fault that the next answer to this method has; counts it down. */
  readonly takeFault: (method: string) => Fault | null
}

/** An empty bridge. */
export const createBridgeStore = (now: () => number, tokens: readonly Token[] = deskTokens): BridgeStore => {
  const handles = new Map<string, Handle>()
  const known = new Map(tokens.map((token) => [token.chain, token]))
  const deposits = new Map<string, Deposit>()
  const calls = new Map<string, number>()
  let fault: Fault | null = null

  return {
    handles: () => [...handles.values()],
    tokens: () => [...known.values()],
    deposits: () => [...deposits.values()].reverse(),
    fault: () => fault,
    calls: () => Object.fromEntries(calls),
    issueHandle: (handle) => {
      tokenOf(known, handle.chain)
      handles.set(`${handle.account_id} ${handle.chain} ${handle.address}`, handle)
    },
    setMinimum: (chain, min_deposit_amount) => {
      known.set(chain, { ...tokenOf(known, chain), min_deposit_amount })
    },
    addDeposit: (deposit) => {
      tokenOf(known, deposit.chain)
      if (deposits.size >= rows_max) throw conflict(`the simulated bridge keeps at most ${rows_max} deposits`)
      const deposit_id = `d${deposits.size + 1}`
      const row = { ...deposit, deposit_id, created_at: new Date(now()).toISOString() }
      deposits.set(deposit_id, row)
      return row
    },
    change: (deposit_id, change) => {
      const row = deposits.get(deposit_id)
      if (row === undefined) throw notFound(`no deposit ${deposit_id}; GET /state lists them`)
      const changed = { ...row, ...change }
      deposits.set(deposit_id, changed)
      return changed
    },
    setFault: (next) => {
      fault = next
    },
    countCall: (method) => calls.set(method, (calls.get(method) ?? 0) + 1),
    takeFault: (method) => {
      const current = fault
      if (current === null || (current.method !== undefined && current.method !== method)) return null
      if (current.times !== undefined)
        fault = current.times <= 1 ? null : { ...current, times: current.times - 1 }
      return current
    },
  }
}

const tokenOf = (tokens: ReadonlyMap<string, Token>, chain: string): Token => {
  const token = tokens.get(chain)
  if (token === undefined) throw conflict(`the bridge knows ${[...tokens.keys()].join(", ")}, not ${chain}`)
  return token
}
