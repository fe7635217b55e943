import { type Amount, amount } from "@landfall/domain/amount"
import { Count, Hash } from "@landfall/domain/text"
import { Schema } from "effect"

/** Esplora answered something that is no answer, or that contradicts itself. */
export class EsploraError extends Error {
  readonly _tag = "EsploraError"
}

/** There will never be more satoshi than this, so a JSON number holds each sum exactly. */
const satoshiMax = 2_100_000_000_000_000

const Satoshi = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: satoshiMax }))
const Seconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000_000_000 }))
/** A coinbase spends output 4294967295 of no transaction. */
const OutputIndex = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 4_294_967_295 }))
/** Some servers leave out what is unknown, some write null. */
const maybe = <Value>(schema: Schema.Codec<Value, unknown>) => Schema.optionalKey(Schema.NullOr(schema))

const Status = Schema.Struct({
  confirmed: Schema.Boolean,
  block_height: maybe(Count),
  block_hash: maybe(Hash),
  block_time: maybe(Seconds),
})

const Transaction = Schema.Struct({
  txid: Hash,
  vin: Schema.Array(
    Schema.Struct({ txid: Hash, vout: OutputIndex, is_coinbase: Schema.optionalKey(Schema.Boolean) }),
  ),
  vout: Schema.Array(Schema.Struct({ scriptpubkey_address: maybe(Schema.String), value: Satoshi })),
  status: Status,
})

const Block = Schema.Struct({
  id: Hash,
  height: Count,
  timestamp: Seconds,
  previousblockhash: maybe(Hash),
})
const Blocks = Schema.Array(Block).check(Schema.isMinLength(1), Schema.isMaxLength(100))

const BlockStatus = Schema.Struct({ in_best_chain: Schema.Boolean })

const Outspend = Schema.Struct({
  spent: Schema.Boolean,
  txid: maybe(Hash),
  status: maybe(Status),
})

/** The block that holds a transaction. */
export interface MinedIn {
  readonly hash: string
  readonly height: number
  readonly time_ms: number | null
}

export interface Outpoint {
  readonly txid: string
  readonly vout: number
}

/** A transaction in our terms. */
export interface EsploraTransaction {
  readonly txid: string
  readonly coinbase: boolean
  readonly inputs: ReadonlyArray<Outpoint>
  readonly outputs: ReadonlyArray<{ readonly address: string | null; readonly amount: Amount }>
  /** Null while it is not mined. */
  readonly block: MinedIn | null
}

/** A block of the best chain. */
export interface EsploraBlock {
  readonly hash: string
  readonly height: number
  readonly time_ms: number
}

/** Who spends an output; null when nobody does. */
export type Spender = { readonly txid: string; readonly mined: boolean } | null

const reader = <Answer>(schema: Schema.Codec<Answer, unknown>) => {
  const decode = Schema.decodeUnknownSync(schema)
  return (what: string, answer: unknown): Answer => {
    try {
      return decode(answer)
    } catch (error) {
      const why = error instanceof Error ? error.message.replaceAll(/\s+/g, " ").slice(0, 300) : String(error)
      throw new EsploraError(`${what} answered something else than it should: ${why}`)
    }
  }
}

const decodeTransaction = reader(Transaction)
const decodeTransactions = reader(Schema.Array(Transaction))
const decodeBlocks = reader(Blocks)
const decodeBlockStatus = reader(BlockStatus)
const decodeOutspend = reader(Outspend)

const minedIn = (what: string, txid: string, status: typeof Status.Type): MinedIn | null => {
  if (!status.confirmed) return null
  const { block_hash, block_height, block_time } = status
  if (block_hash == null || block_height == null)
    throw new EsploraError(`${what} says that ${txid} is confirmed, and not in which block`)
  return { hash: block_hash, height: block_height, time_ms: block_time == null ? null : block_time * 1000 }
}

const transactionOf = (what: string, read: typeof Transaction.Type): EsploraTransaction => ({
  txid: read.txid,
  coinbase: read.vin.some((input) => input.is_coinbase === true),
  inputs: read.vin.filter((input) => input.is_coinbase !== true).map(({ txid, vout }) => ({ txid, vout })),
  outputs: read.vout.map(({ scriptpubkey_address, value }) => ({
    address: scriptpubkey_address ?? null,
    amount: amount(BigInt(value)),
  })),
  block: minedIn(what, read.txid, read.status),
})

/** Reads `/tx/:txid`. */
export const readTransaction = (what: string, answer: unknown): EsploraTransaction =>
  transactionOf(what, decodeTransaction(what, answer))

/** Reads `/address/:address/txs` and its further pages. */
export const readTransactions = (what: string, answer: unknown): ReadonlyArray<EsploraTransaction> =>
  decodeTransactions(what, answer).map((read) => transactionOf(what, read))

/** Reads `/blocks`: the newest first, each the parent of the one before it. */
export const readBlocks = (what: string, answer: unknown): readonly [EsploraBlock, ...EsploraBlock[]] => {
  const read = decodeBlocks(what, answer)
  for (const [index, block] of read.entries()) {
    const parent = read[index + 1]
    if (parent === undefined) continue
    if (parent.height !== block.height - 1 || parent.id !== block.previousblockhash)
      throw new EsploraError(`${what}: block ${block.id} at ${block.height} does not follow ${parent.id}`)
  }
  const [tip, ...older] = read.map(({ id, height, timestamp }) => ({
    hash: id,
    height,
    time_ms: timestamp * 1000,
  }))
  if (tip === undefined) throw new EsploraError(`${what} lists no block`)
  return [tip, ...older]
}

/** Reads `/block/:hash/status`. */
export const readInBestChain = (what: string, answer: unknown): boolean =>
  decodeBlockStatus(what, answer).in_best_chain

/** Reads `/tx/:txid/outspend/:vout`. */
export const readOutspend = (what: string, answer: unknown): Spender => {
  const { spent, txid, status } = decodeOutspend(what, answer)
  if (!spent) return null
  if (txid == null) throw new EsploraError(`${what} says that it is spent, and not by which transaction`)
  return { txid, mined: status?.confirmed === true }
}
