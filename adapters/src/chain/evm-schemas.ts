import { Hash } from "@landfall/domain/text"
import { Schema } from "effect"
import { type Hex, hexToBigInt } from "viem"
import { EvmError } from "./evm-rpc.ts"

const isHex = (text: string): text is Hex => text.length % 2 === 0 && /^0x[0-9a-f]*$/i.test(text)

/** Bytes as `0x` and pairs of digits. Receipts hold the logs of other contracts, which may be long. */
const Data = Schema.String.pipe(Schema.refine(isHex))

/** A number as `0x` and digits, as heights and times come; kept as it is within what a record can carry. */
const Quantity = (words: string, maximum: number) =>
  Schema.String.check(
    Schema.makeFilter(
      (text: string) =>
        (/^0x[0-9a-f]{1,12}$/i.test(text) && Number(text) <= maximum) ||
        `expected ${words} from 0 to ${maximum} in hexadecimal`,
    ),
  )

const Height = Quantity("a height", 2_147_483_647)

/** The head of a block, as far as it is used. */
export const Header = Schema.Struct({
  number: Height,
  hash: Hash,
  parentHash: Hash,
  timestamp: Quantity("seconds", 10_000_000_000),
})

/** An event that a contract emitted. */
export const Log = Schema.Struct({
  address: Data,
  topics: Schema.Array(Data).check(Schema.isMaxLength(4)),
  data: Data,
  blockNumber: Height,
  blockHash: Hash,
  transactionHash: Hash,
  logIndex: Height,
  removed: Schema.optionalKey(Schema.Boolean),
})
export type Log = typeof Log.Type

/** What became of a transaction. */
export const Receipt = Schema.Struct({
  status: Schema.optionalKey(Schema.Literals(["0x0", "0x1"])),
  blockNumber: Height,
  blockHash: Hash,
  transactionHash: Hash,
  logs: Schema.Array(Log),
})

/** A reader of results; the node's own refusal is thrown, and what does not fit is an {@link EvmError} that says where. */
export const resultReader = <Result>(what: string, schema: Schema.Codec<Result, unknown>) => {
  const decode = Schema.decodeUnknownSync(schema)
  return (result: unknown): Result => {
    if (result instanceof EvmError) throw result
    try {
      return decode(result)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message.replaceAll(/\s+/g, " ").slice(0, 300) : String(cause)
      throw new EvmError("garbage", `${what} answered something else than it should: ${why}`, { cause })
    }
  }
}

/** A block of the chain. */
export interface Block {
  readonly height: number
  readonly hash: string
  readonly parent_hash: string
  readonly time_ms: number
}

const readHeader = resultReader("eth_getBlock", Schema.NullOr(Header))

/** The block in an answer, or null when the node has none. */
export const readBlock = (result: unknown): Block | null => {
  const header = readHeader(result)
  return header === null
    ? null
    : {
        height: Number(header.number),
        hash: header.hash,
        parent_hash: header.parentHash,
        time_ms: Number(header.timestamp) * 1000,
      }
}

export const readLogs = resultReader("eth_getLogs", Schema.Array(Log))
export const readReceipt = resultReader("eth_getTransactionReceipt", Schema.NullOr(Receipt))
export const readChainId = (result: unknown): bigint => {
  const text = resultReader("eth_chainId", Schema.String)(result)
  if (!/^0x[0-9a-f]{1,16}$/i.test(text)) throw new EvmError("garbage", "eth_chainId answered no number")
  return hexToBigInt(text as Hex)
}

/** A height as the node wants it. */
export const quantity = (height: number): Hex => `0x${height.toString(16)}`
