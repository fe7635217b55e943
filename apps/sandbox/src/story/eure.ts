import { randomBytes } from "node:crypto"
import { amount } from "@landfall/domain/amount"
import { jsonRpc } from "@landfall/setup/parts/json-rpc"
import { step } from "../terminal.ts"
import { until } from "../until.ts"
import { confirmations, reached } from "./deposit.ts"
import type { Stage } from "./story.ts"

const oneEure = 10n ** 18n
/** Enough blocks for the `finalized` tag to pass the transfer. */
const blocksToFinality = 8

/** A transfer of EURe from its block to the bridge's credit. */
export const playEure = async (stage: Stage): Promise<void> => {
  const { terminal, parts } = stage
  const { eure } = parts
  if (eure === null) return terminal.line("      the EVM node is not ours to pay with: this act is left out")
  const units = 250n * oneEure
  const address = `0x${randomBytes(20).toString("hex")}`
  await step(
    terminal,
    "the bridge issues a Gnosis deposit address",
    async () => {
      await parts.bridge.control.issueHandle({ account_id: stage.account, chain: "eth:100", address })
      await until("the handle to be active", async () => {
        const state = await stage.operation.manager.get<{ active_funding_handles: unknown }>("/state")
        return JSON.stringify(state.active_funding_handles).includes(address) ? true : null
      })
    },
    () => address,
  )
  const hash = await eure.send(address, units)
  await step(
    terminal,
    "250 EURe are sent, and mined",
    () => reached(stage, hash, "confirming"),
    confirmations,
  )
  await jsonRpc(parts.gnosisUrl)("anvil_mine", `0x${blocksToFinality.toString(16)}`)
  await step(terminal, "their block is final", () => reached(stage, hash, "confirmed"), confirmations)
  await step(
    terminal,
    "the bridge credits them",
    async () => {
      await parts.bridge.control.addDeposit({
        account_id: stage.account,
        chain: "eth:100",
        address,
        amount: amount(units),
        tx_hash: hash,
        status: "COMPLETED",
      })
      return reached(stage, hash, "credited")
    },
    (row) => `${row.amount} wei of ${row.asset_id}, match ${row.match}`,
  )
}
