/** A script as bitcoind decodes it. */
export interface NodeScript {
  readonly hex: string
  readonly asm: string
  readonly type: string
  readonly address?: string
}

export interface NodeTransaction {
  readonly txid: string
  readonly version: number
  readonly locktime: number
  readonly size: number
  readonly weight: number
  readonly vin: ReadonlyArray<{
    readonly txid?: string
    readonly vout?: number
    readonly coinbase?: string
    readonly scriptSig?: { readonly hex: string; readonly asm: string }
    readonly txinwitness?: ReadonlyArray<string>
    readonly sequence: number
  }>
  /** `value` is in bitcoin. */
  readonly vout: ReadonlyArray<{ readonly value: number; readonly scriptPubKey: NodeScript }>
}

/** `getblock` with its transactions. */
export interface NodeBlock {
  readonly hash: string
  readonly height: number
  readonly version: number
  readonly time: number
  readonly mediantime: number
  readonly nonce: number
  readonly bits: string
  readonly difficulty: number
  readonly merkleroot: string
  readonly nTx: number
  readonly size: number
  readonly weight: number
  readonly previousblockhash?: string
  readonly nextblockhash?: string
  readonly tx: ReadonlyArray<NodeTransaction>
}
