import { type Amount, amount } from "@landfall/domain/amount"
import {
  type Address,
  decodeEventLog,
  encodeEventTopics,
  erc20Abi,
  type Hex,
  isAddressEqual,
  pad,
} from "viem"
import { EvmError } from "./evm-rpc.ts"
import type { Log } from "./evm-schemas.ts"

/** A transfer of the token, with its place in its transaction. */
export interface TokenTransfer {
  readonly tx_hash: string
  /**
   * Counts the token's transfers in the transaction from 0. It counts those to others too: otherwise it would change
   * when another address is watched, and two transfers could get one id.
   */
  readonly nth: number
  readonly from: Address
  readonly to: Address
  readonly amount: Amount
  readonly block_hash: string
  readonly block_height: number
}

/** The first topic of every ERC-20 transfer. */
export const transferTopic: Hex = encodeEventTopics({ abi: erc20Abi, eventName: "Transfer" })[0]

/** An address as a topic. */
export const addressTopic = (address: string): Hex => pad(address.toLowerCase() as Hex, { size: 32 })

/**
 * The transfers among the logs of whole transactions, in their order in the block. A log that left the chain is
 * skipped; one that is not what was asked for is an `EvmError`, for then the answer is not one to build on.
 */
export const transfersIn = (logs: ReadonlyArray<Log>, token: Address): ReadonlyArray<TokenTransfer> => {
  const ordered = logs
    .filter((log) => log.removed !== true)
    .toSorted((left, right) => Number(left.logIndex) - Number(right.logIndex))
  const counts = new Map<string, number>()
  const places = new Set<string>()
  return ordered.map((log) => {
    const place = `${log.blockHash}:${log.logIndex}`
    if (places.has(place)) throw new EvmError("garbage", `eth_getLogs listed log ${place} twice`)
    places.add(place)
    const { from, to, value } = decode(log, token)
    const nth = counts.get(log.transactionHash) ?? 0
    counts.set(log.transactionHash, nth + 1)
    return {
      tx_hash: log.transactionHash,
      nth,
      from,
      to,
      amount: amount(value),
      block_hash: log.blockHash,
      block_height: Number(log.blockNumber),
    }
  })
}

const decode = (log: Log, token: Address) => {
  const [signature, ...indexed] = log.topics
  try {
    if (isAddressEqual(log.address as Address, token) && signature !== undefined)
      return decodeEventLog({
        abi: erc20Abi,
        eventName: "Transfer",
        topics: [signature, ...indexed],
        data: log.data,
        strict: true,
      }).args
  } catch (cause) {
    throw new EvmError("garbage", notAsked(log), { cause })
  }
  throw new EvmError("garbage", notAsked(log))
}

const notAsked = (log: Log): string =>
  `eth_getLogs listed log ${Number(log.logIndex)} of ${log.transactionHash}, which is no transfer of the token`

/** Whether a log is a transfer of the token; for receipts, which list all logs. */
export const isTransferOf = (log: Log, token: Address): boolean =>
  log.address.toLowerCase() === token.toLowerCase() &&
  log.topics[0]?.toLowerCase() === transferTopic &&
  log.topics.length === 3
