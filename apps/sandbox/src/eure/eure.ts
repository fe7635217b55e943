import { balanceOf, eureV2, mintInput, placeToken, transferInput } from "@landfall/setup/parts/eure"
import type { JsonRpc } from "@landfall/setup/parts/json-rpc"

/** EURe on the sandbox's anvil, and somebody who has some. */
export interface Eure {
  /** The contract's address, as on Gnosis. */
  readonly contract: string
  /** Sends EURe (in wei) from the somebody to an address, and gives the transaction's hash. It may be unmined. */
  readonly send: (to: string, amount: bigint) => Promise<string>
  readonly balanceOf: (holder: string) => Promise<bigint>
}

/** Enough for every story: a billion EURe. */
const supply = 10n ** 27n

/** Puts EURe on anvil and gives some to anvil's first account. Harmless to repeat. */
export const placeEure = async (rpc: JsonRpc): Promise<Eure> => {
  const [sender] = await rpc<ReadonlyArray<string>>("eth_accounts")
  if (sender === undefined) throw new Error("anvil has no account; it must be started with some")
  const send = (input: string) =>
    rpc<string>("eth_sendTransaction", { from: sender, to: eureV2, data: input })
  await placeToken(rpc)
  if ((await balanceOf(rpc, sender)) < supply / 2n) await send(mintInput(sender, supply))
  return {
    contract: eureV2,
    send: (to, amount) => send(transferInput(to, amount)),
    balanceOf: (holder) => balanceOf(rpc, holder),
  }
}
