import { type JsonRpc, jsonRpc } from "@landfall/setup/parts/json-rpc"

/** A wallet of a regtest node, made when it is not there: the sandbox's own, never one that Landfall watches with. */
export const openWallet = async (nodeUrl: string, name: string): Promise<JsonRpc> => {
  const node = jsonRpc(nodeUrl)
  const loaded = await node<string[]>("listwallets")
  if (!loaded.includes(name)) {
    const { wallets } = await node<{ wallets: ReadonlyArray<{ name: string }> }>("listwalletdir")
    await node(wallets.some((wallet) => wallet.name === name) ? "loadwallet" : "createwallet", name)
  }
  return jsonRpc(`${nodeUrl}/wallet/${name}`)
}

/** A wallet that can pay: mines to it until a block reward is mature. */
export const openFundedWallet = async (nodeUrl: string, name: string): Promise<JsonRpc> => {
  const { chain } = await jsonRpc(nodeUrl)<{ chain: string }>("getblockchaininfo")
  if (chain !== "regtest")
    throw new Error(
      `the node is on ${chain}; the story mines its own blocks, which only regtest allows. Use --no-story.`,
    )
  const wallet = await openWallet(nodeUrl, name)
  const { mine } = await wallet<{ mine: { trusted: number } }>("getbalances")
  if (mine.trusted < 1) await wallet("generatetoaddress", 101, await wallet<string>("getnewaddress"))
  return wallet
}
