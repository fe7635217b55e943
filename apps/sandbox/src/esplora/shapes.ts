import { satoshi } from "@landfall/adapters/chain/bitcoin-amount"
import type { ChainIndex, IndexedBlock, IndexedTransaction } from "./chain-index.ts"
import type { NodeScript, NodeTransaction } from "./node-shapes.ts"

const nothing = "0".repeat(64)
const noOutput = 4_294_967_295

/** Esplora's words for the kinds of scripts; bitcoind has others. */
const scriptTypes: { readonly [nodeType: string]: string } = {
  pubkey: "p2pk",
  pubkeyhash: "p2pkh",
  scripthash: "p2sh",
  witness_v0_keyhash: "v0_p2wpkh",
  witness_v0_scripthash: "v0_p2wsh",
  witness_v1_taproot: "v1_p2tr",
  nulldata: "op_return",
  multisig: "multisig",
}

/** Satoshi as a JSON number: exact, as there are fewer than 2^53. */
const satoshiNumber = (bitcoin: number): number => {
  const units = satoshi(bitcoin)
  if (units === null) throw new Error(`${bitcoin} bitcoin are no number of satoshi`)
  return Number(units)
}

const outputShape = ({
  value,
  scriptPubKey,
}: {
  readonly value: number
  readonly scriptPubKey: NodeScript
}) => ({
  scriptpubkey: scriptPubKey.hex,
  scriptpubkey_asm: scriptPubKey.asm,
  scriptpubkey_type: scriptTypes[scriptPubKey.type] ?? "unknown",
  ...(scriptPubKey.address === undefined ? {} : { scriptpubkey_address: scriptPubKey.address }),
  value: satoshiNumber(value),
})

/** `status` of a transaction: the block's fields are absent while it is not mined. */
export const statusShape = (block: IndexedBlock | null) =>
  block === null
    ? { confirmed: false }
    : { confirmed: true, block_height: block.height, block_hash: block.hash, block_time: block.time }

const prevoutOf = (index: ChainIndex, txid: string, vout: number) => {
  const output = index.transactions.get(txid)?.raw.vout[vout]
  return output === undefined ? null : outputShape(output)
}

const inputShape = (index: ChainIndex, input: NodeTransaction["vin"][number]) => {
  const { txid = nothing, vout = noOutput } = input
  return {
    txid,
    vout,
    prevout: prevoutOf(index, txid, vout),
    scriptsig: input.coinbase ?? input.scriptSig?.hex ?? "",
    scriptsig_asm: input.scriptSig?.asm ?? "",
    ...(input.txinwitness === undefined ? {} : { witness: input.txinwitness }),
    is_coinbase: input.coinbase !== undefined,
    sequence: input.sequence,
  }
}

/** A transaction as `/tx/:txid` and the lists of an address have it. */
export const transactionShape = (index: ChainIndex, { raw, block }: IndexedTransaction) => {
  const vin = raw.vin.map((input) => inputShape(index, input))
  const vout = raw.vout.map(outputShape)
  const spent = vin.reduce((sum, { prevout }) => sum + (prevout?.value ?? 0), 0)
  const paid = vout.reduce((sum, { value }) => sum + value, 0)
  return {
    txid: raw.txid,
    version: raw.version,
    locktime: raw.locktime,
    vin,
    vout,
    size: raw.size,
    weight: raw.weight,
    fee: vin.some((input) => input.is_coinbase) ? 0 : spent - paid,
    status: statusShape(block),
  }
}

/** A block as `/block/:hash` and `/blocks` have it. */
export const blockShape = (block: IndexedBlock) => ({
  id: block.hash,
  height: block.height,
  version: block.version,
  timestamp: block.time,
  tx_count: block.nTx,
  size: block.size,
  weight: block.weight,
  merkle_root: block.merkleroot,
  previousblockhash: block.previousblockhash ?? null,
  mediantime: block.mediantime,
  nonce: block.nonce,
  bits: Number.parseInt(block.bits, 16),
  difficulty: block.difficulty,
})
