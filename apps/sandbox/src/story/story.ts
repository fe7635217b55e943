import type { JsonRpc } from "@landfall/setup/parts/json-rpc"
import type postgres from "postgres"
import type { Operation } from "../stack/operation.ts"
import type { Parts } from "../stack/parts.ts"
import type { Terminal } from "../terminal.ts"
import { playAlerts } from "./alerts.ts"
import { playDeposit } from "./deposit.ts"
import { playEure } from "./eure.ts"
import { playOutage } from "./outage.ts"
import { playProof } from "./proof.ts"
import { playReplacement } from "./replacement.ts"

/** What the story is played with. */
export interface Stage {
  readonly terminal: Terminal
  readonly parts: Parts
  readonly operation: Operation
  /** The wallet of whoever sends deposits. */
  readonly miner: JsonRpc
  /** The bridge's own wallet on the node: Landfall never has its keys. */
  readonly bridgeWallet: JsonRpc
  readonly account: string
  /** PostgreSQL as an auditor sees it. */
  readonly sql: postgres.Sql
}

/** Plays the whole story, act after act; the first step that fails ends it. */
export const playStory = async (stage: Stage): Promise<void> => {
  stage.terminal.heading("A deposit, from the mempool to the bridge's credit")
  await playDeposit(stage)
  stage.terminal.heading("A deposit that is replaced")
  await playReplacement(stage)
  stage.terminal.heading("A deposit in EURe on Gnosis: same schema, same path")
  await playEure(stage)
  stage.terminal.heading("What goes stale or fails raises an alert, and clears when it recovers")
  await playAlerts(stage)
  stage.terminal.heading("The node goes away")
  await playOutage(stage)
  stage.terminal.heading("The record")
  await playProof(stage)
}
