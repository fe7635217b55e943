import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { JsonRpc } from "@landfall/setup/parts/json-rpc"
import postgres from "postgres"
import { openCleanup } from "../src/stack/ending.ts"
import { type Operation, startOperation } from "../src/stack/operation.ts"
import { type Parts, startParts } from "../src/stack/parts.ts"
import { openFundedWallet, openWallet } from "../src/stack/wallets.ts"
import { openTerminal } from "../src/terminal.ts"

/** The whole desk with real parts and every service as a process of its own. */
export interface Desk {
  readonly parts: Parts
  readonly operation: Operation
  readonly sql: postgres.Sql
  readonly miner: JsonRpc
  readonly bridgeWallet: JsonRpc
  readonly account: string
  readonly mine: (blocks: number) => Promise<void>
  /** A deposit address that the bridge has just issued to the account. */
  readonly issueHandle: () => Promise<string>
  readonly stop: () => Promise<void>
}

/** Starts the desk in a folder of its own. */
export const startDesk = async (): Promise<Desk> => {
  const folder = await mkdtemp(join(tmpdir(), "landfall-desk-"))
  const cleanup = openCleanup()
  cleanup.add(() => rm(folder, { recursive: true, force: true }))
  const account = "desk.near"
  try {
    const terminal = openTerminal(process.stderr, { NO_COLOR: "1" })
    const parts = await startParts(terminal, folder, {}, cleanup)
    const operation = await startOperation(terminal, parts, account, folder, cleanup)
    const sql = postgres(parts.databaseUrl, { max: 2, onnotice: () => {} })
    cleanup.add(() => sql.end())
    const miner = await openFundedWallet(parts.bitcoinUrl, "miner")
    const bridgeWallet = await openWallet(parts.bitcoinUrl, "bridge")
    return {
      parts,
      operation,
      sql,
      miner,
      bridgeWallet,
      account,
      mine: async (blocks) => {
        await miner("generatetoaddress", blocks, await miner<string>("getnewaddress"))
      },
      issueHandle: async () => {
        const address = await bridgeWallet<string>("getnewaddress", "", "bech32")
        await parts.bridge.control.issueHandle({ account_id: account, chain: "btc:mainnet", address })
        return address
      },
      stop: () => cleanup.run(),
    }
  } catch (error) {
    await cleanup.run()
    throw error
  }
}
