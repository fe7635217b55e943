import { openWallet } from "@landfall/sandbox/stack/wallets"
import type { Truth } from "./truth.ts"
import { pause } from "./waiting.ts"
import type { World } from "./world.ts"

/** Takes the newest blocks of Bitcoin back and mines more others; `empty` ones leave what was in them to the mempool. */
export const reorgBitcoin = (
  { bitcoind, bitcoinLock }: World,
  truth: Truth,
  { depth, empty }: { readonly depth: number; readonly empty: boolean },
): Promise<void> =>
  bitcoinLock(async () => {
    const { rpc } = bitcoind
    const height = await rpc<number>("getblockcount")
    for (let at = height; at > height - depth; at--) {
      const { tx } = await rpc<{ tx: ReadonlyArray<string> }>("getblock", await rpc("getblockhash", at), 1)
      tx.forEach(truth.mayBeGone)
    }
    // What spends the coins of a deep block waits for it, and leaves the mempool when the node forgets that block's payments.
    const unmined = await rpc<ReadonlyArray<string>>("getrawmempool")
    unmined.forEach(truth.mayBeGone)
    // Coins of a block that pays another address make another block, whatever else is in it.
    const pool = await openWallet(bitcoind.url, "pool")
    const address = await pool<string>("getnewaddress")
    await rpc("invalidateblock", await rpc("getblockhash", height - depth + 1))
    for (let block = 0; block <= depth; block++)
      await (empty ? rpc("generateblock", address, []) : rpc("generatetoaddress", 1, address))
  })

/** Replaces the newest blocks of Gnosis by empty ones, and sends what was in them again after a while. */
export const reorgGnosis = (
  { anvil, gnosisLock }: World,
  truth: Truth,
  { depth, gone_ms }: { readonly depth: number; readonly gone_ms: number },
  signal: AbortSignal,
): Promise<void> =>
  gnosisLock(async () => {
    const { rpc } = anvil
    const height = Number(await rpc<string>("eth_blockNumber"))
    const raws: string[] = []
    for (let at = height - depth + 1; at <= height; at++) {
      const { transactions } = await rpc<{ transactions: ReadonlyArray<string> }>(
        "eth_getBlockByNumber",
        `0x${at.toString(16)}`,
        false,
      )
      for (const hash of transactions) {
        truth.mayBeGone(hash)
        raws.push(await rpc<string>("eth_getRawTransactionByHash", hash))
      }
    }
    await rpc("anvil_reorg", depth, [])
    await rpc("anvil_mine", "0x1")
    await pause(gone_ms, signal)
    for (const raw of raws) await rpc("eth_sendRawTransaction", raw)
  })
