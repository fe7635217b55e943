import type { Amount } from "@landfall/domain/amount"
import { createJsonClient, type JsonClientOptions } from "../net/json-client.ts"
import { balancesOf, viewCall } from "./wire.ts"

/** What an account holds inside the verifier contract at one final block. */
export interface VerifierBalances {
  /** Base units by token id, for every token that was asked for. */
  readonly balances: ReadonlyMap<string, Amount>
  readonly block_height: number
  readonly block_hash: string
}

/** The contract that holds what can be traded: the only source of what is spendable. Read only. */
export interface Verifier {
  /**
   * The balances of these tokens (`nep141:btc.omft.near`), all at one block. Rejects with `VerifierFailed` or
   * `RequestFailed`; it never gives a part of them and never a zero that the contract did not say.
   */
  readonly balances: (
    account_id: string,
    token_ids: ReadonlyArray<string>,
    options?: { readonly signal?: AbortSignal },
  ) => Promise<VerifierBalances>
}

/** The most tokens that are asked for at once: one view call must stay within the gas of a call. */
export const verifierTokensMax = 100

/** A verifier behind a NEAR RPC address, such as `intents.near` at `https://rpc.mainnet.near.org`. */
export const openVerifier = (
  options: Omit<JsonClientOptions, "name"> & { readonly contract_id: string },
): Verifier => {
  const client = createJsonClient({ ...options, name: "verifier" })
  return {
    balances: async (account_id, token_ids, { signal } = {}) => {
      if (token_ids.length === 0 || token_ids.length > verifierTokensMax)
        throw new RangeError(`ask for 1 to ${verifierTokensMax} tokens, not ${token_ids.length}`)
      const call = viewCall(options.contract_id, "mt_batch_balance_of", { account_id, token_ids })
      const answer = await client.post("", call, signal === undefined ? {} : { signal })
      const { amounts, block_height, block_hash } = balancesOf(answer, token_ids.length)
      const balances = new Map<string, Amount>()
      for (const [index, amount] of amounts.entries()) balances.set(token_ids[index] ?? "", amount)
      return { balances, block_height, block_hash }
    },
  }
}
