import {
  bitcoinTransferId,
  bridgeTransferId,
  type Chain,
  gnosisTransferId,
} from "@landfall/domain/topics/funding-observation"
import type { BridgeDeposit, KnownHandle, SeenOutput } from "./facts.ts"

/** The form in which transaction hashes are compared: the bridge may write upper case, or leave `0x` away. */
export const hashKey = (hash: string): string => hash.trim().toLowerCase().replace(/^0x/, "")

/** The bridge's hash in the chain's own form, or null when it is not a transaction hash. */
export const chainHash = (chain: Chain, hash: string | null): string | null => {
  if (hash === null) return null
  const key = hashKey(hash)
  if (!/^[0-9a-f]{64}$/.test(key)) return null
  return chain === "gnosis" ? `0x${key}` : key
}

const bech32 = /^(?:bc|tb|bcrt)1/i

/** The form in which addresses are compared. Bech32 and hex ignore case; base58 does not. */
export const handleKey = (chain: Chain, handle: string): string =>
  chain === "gnosis" || bech32.test(handle) ? handle.toLowerCase() : handle

/** Deposit addresses by chain and address, in the form in which addresses are compared. */
type HandleIndex = ReadonlyMap<string, KnownHandle>

const indexKey = (chain: Chain, handle: string): string => `${chain} ${handleKey(chain, handle)}`

// A list of handles is an index many times before it changes.
const indexes = new WeakMap<ReadonlyArray<KnownHandle>, HandleIndex>()

/** The handle with that address, or undefined for an address that the bridge never issued. */
export const findHandle = (
  handles: ReadonlyArray<KnownHandle>,
  chain: Chain,
  address: string,
): KnownHandle | undefined => {
  let index = indexes.get(handles)
  if (index === undefined) {
    index = new Map(handles.map((handle) => [indexKey(handle.chain, handle.funding_handle), handle]))
    indexes.set(handles, index)
  }
  return index.get(indexKey(chain, address))
}

/** The handle of a bridge row that names no address. */
export const unknownHandle = "unknown"

/** The id of the transfer that an output is. */
export const outputTransferId = (chain: Chain, output: SeenOutput): string =>
  chain === "bitcoin"
    ? bitcoinTransferId(output.tx_hash, output.output_index)
    : gnosisTransferId((output.token ?? "").toLowerCase(), output.tx_hash, output.output_index)

/** The id of the transfer made from a bridge row that no observer saw: the n-th of rows that are alike. */
export const bridgeRowTransferId = (row: BridgeDeposit, nth: number): string =>
  bridgeTransferId(
    row.chain,
    [
      row.account_id,
      row.asset_id,
      row.address === null ? unknownHandle : handleKey(row.chain, row.address),
      row.amount,
      // A row without a hash is told from its like by the time it was made.
      row.tx_hash === null ? `at ${row.created_at_ms ?? "?"}` : hashKey(row.tx_hash),
      nth,
    ].join(":"),
  )
