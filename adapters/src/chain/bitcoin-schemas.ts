import { Hash } from "@landfall/domain/text"
import { Schema } from "effect"
import { BitcoindError } from "./bitcoin-rpc.ts"

/** A number of bitcoin as it comes out of `bitcoin-core`: text when it is long. */
const Bitcoin = Schema.Union([Schema.String.check(Schema.isMaxLength(40)), Schema.Number])
const Seconds = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 10_000_000_000 }))
const Height = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2_147_483_647 }))
const Hashes = Schema.Array(Hash)

/** `getblockchaininfo`: how far the node is. */
export const BlockchainInfo = Schema.Struct({
  chain: Schema.String,
  blocks: Height,
  headers: Height,
  bestblockhash: Hash,
  initialblockdownload: Schema.Boolean,
  mediantime: Seconds,
  time: Schema.optionalKey(Seconds),
})
export type BlockchainInfo = typeof BlockchainInfo.Type

/** One row of `listsinceblock`: one output, or one spent input, of one transaction. */
export const WalletRow = Schema.Struct({
  address: Schema.optionalKey(Schema.String),
  category: Schema.String,
  amount: Bitcoin,
  vout: Height,
  confirmations: Schema.Int,
  txid: Hash,
  blockhash: Schema.optionalKey(Hash),
  blockheight: Schema.optionalKey(Height),
  blocktime: Schema.optionalKey(Seconds),
  time: Schema.optionalKey(Seconds),
  timereceived: Schema.optionalKey(Seconds),
  walletconflicts: Schema.optionalKey(Hashes),
  mempoolconflicts: Schema.optionalKey(Hashes),
})
export type WalletRow = typeof WalletRow.Type

/** `listsinceblock` with removed transactions. */
export const WalletListing = Schema.Struct({
  transactions: Schema.Array(WalletRow),
  removed: Schema.optionalKey(Schema.Array(WalletRow)),
  lastblock: Hash,
})
export type WalletListing = typeof WalletListing.Type

export const WalletInfo = Schema.Struct({
  walletname: Schema.String,
  private_keys_enabled: Schema.Boolean,
  descriptors: Schema.Boolean,
  scanning: Schema.optionalKey(
    Schema.Union([Schema.Boolean, Schema.Struct({ progress: Schema.Union([Schema.Number, Schema.String]) })]),
  ),
})

export const WalletNames = Schema.Array(Schema.String)

export const DescriptorInfo = Schema.Struct({ descriptor: Schema.String })

export const Descriptors = Schema.Struct({
  descriptors: Schema.Array(Schema.Struct({ desc: Schema.String })),
})

export const Imports = Schema.Array(
  Schema.Struct({
    success: Schema.Boolean,
    error: Schema.optionalKey(Schema.Struct({ code: Schema.Int, message: Schema.String })),
  }),
)

/** `gettransaction` with its decoded form: what it spends. */
export const DecodedTransaction = Schema.Struct({
  decoded: Schema.Struct({
    vin: Schema.Array(Schema.Struct({ txid: Schema.optionalKey(Hash), vout: Schema.optionalKey(Height) })),
  }),
})

/** `gettransaction`: negative confirmations mean that a mined transaction spent its inputs. */
export const WalletTransaction = Schema.Struct({
  confirmations: Schema.Int,
  walletconflicts: Schema.optionalKey(Hashes),
})

/** `gettxspendingprevout`: who spends the outputs, as far as the mempool knows. */
export const Spenders = Schema.Array(
  Schema.Struct({ txid: Hash, vout: Height, spendingtxid: Schema.optionalKey(Hash) }),
)

/** `getmempoolinfo`: whether the mempool of before a restart has been read. */
export const MempoolInfo = Schema.Struct({ loaded: Schema.Boolean })

/** Only that there is an entry matters. */
export const MempoolEntry = Schema.Struct({ time: Seconds })

export const BlockHeader = Schema.Struct({ confirmations: Schema.Int })

/** A reader of answers; what does not fit is a {@link BitcoindError} that says where. */
export const answerReader = <Answer>(what: string, schema: Schema.Codec<Answer, unknown>) => {
  const decode = Schema.decodeUnknownSync(schema)
  return (answer: unknown): Answer => {
    try {
      return decode(answer)
    } catch (error) {
      const why = error instanceof Error ? error.message.replaceAll(/\s+/g, " ").slice(0, 300) : String(error)
      throw new BitcoindError("garbage", `${what} answered something else than it should: ${why}`)
    }
  }
}
