import type { JsonClient } from "../net/json-client.ts"
import { RequestFailed } from "../net/request-failed.ts"
import {
  type EsploraBlock,
  type EsploraTransaction,
  readBlocks,
  readInBestChain,
  readOutspend,
  readTransaction,
  readTransactions,
  type Spender,
} from "./esplora-wire.ts"

/** The part of Esplora's API that answers in JSON and that Landfall asks. Nothing of it sends a transaction. */
export interface EsploraApi {
  /** Where it is, without secrets. */
  readonly shown: string
  /** The newest blocks, newest first; or those from the given height downwards. */
  readonly blocks: (from_height?: number) => Promise<readonly [EsploraBlock, ...EsploraBlock[]]>
  readonly isInBestChain: (block_hash: string) => Promise<boolean>
  /** Unmined transactions of an address, and the newest mined ones. */
  readonly transactions: (address: string) => Promise<ReadonlyArray<EsploraTransaction>>
  /** Mined transactions of an address that are older than the given one. */
  readonly olderTransactions: (address: string, txid: string) => Promise<ReadonlyArray<EsploraTransaction>>
  /** Null when the server does not have it. */
  readonly transaction: (txid: string) => Promise<EsploraTransaction | null>
  /** Who spends an output. Null when nobody does, or the server does not know the output. */
  readonly spender: (txid: string, vout: number) => Promise<Spender>
}

/** Esplora over HTTP. */
export const esploraApi = (client: JsonClient): EsploraApi => {
  const { shown } = client.endpoint
  const found = async <Answer>(
    path: string,
    read: (what: string, answer: unknown) => Answer,
  ): Promise<Answer> => read(`esplora at ${shown}: ${path}`, await client.get(path))

  const orNull = async <Answer>(ask: () => Promise<Answer>): Promise<Answer | null> => {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof RequestFailed && error.status === 404) return null
      throw error
    }
  }

  return {
    shown,
    blocks: (from_height) =>
      found(from_height === undefined ? "/blocks" : `/blocks/${from_height}`, readBlocks),
    isInBestChain: (hash) => found(`/block/${hash}/status`, readInBestChain),
    transactions: (address) => found(`/address/${encodeURIComponent(address)}/txs`, readTransactions),
    olderTransactions: (address, txid) =>
      found(`/address/${encodeURIComponent(address)}/txs/chain/${txid}`, readTransactions),
    transaction: (txid) => orNull(() => found(`/tx/${txid}`, readTransaction)),
    spender: (txid, vout) => orNull(() => found(`/tx/${txid}/outspend/${vout}`, readOutspend)),
  }
}
