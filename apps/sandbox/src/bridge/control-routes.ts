import { randomBytes } from "node:crypto"
import type { Route } from "@landfall/adapters/http/route"
import type { Listener } from "../simulated/server.ts"
import { command } from "../simulated/start.ts"
import { commands, creditedStatuses } from "./control-api.ts"
import type { BridgeStore } from "./store.ts"

/** The hash of a mint on NEAR, which the real bridge gives with a credit. */
const mintHash = (): string => randomBytes(32).toString("hex")

const isCredit = (status: string): boolean => creditedStatuses.some((known) => known === status)

/** The commands that make the simulated bridge do what the real one does by itself, or does wrong. */
export const controlRoutes = (store: BridgeStore, server: () => Listener): readonly Route[] => [
  command("issue-handle", commands["issue-handle"], "Give an account a deposit address", (handle) => {
    store.issueHandle(handle)
    return handle
  }),
  command(
    "set-minimum",
    commands["set-minimum"],
    "Set the least amount that is credited",
    ({ chain, min_deposit_amount }) => {
      store.setMinimum(chain, min_deposit_amount)
      return { chain, min_deposit_amount }
    },
  ),
  command(
    "add-deposit",
    commands["add-deposit"],
    "List a deposit, as PENDING unless said otherwise, or credited at once",
    ({ status = "PENDING", ...deposit }) =>
      store.addDeposit({
        ...{ tx_hash: "", from: "", ...deposit },
        ...{ status, mint_tx_hash: isCredit(status) ? mintHash() : "" },
      }),
  ),
  command(
    "credit",
    commands.credit,
    "Credit a deposit, under another hash if one is given",
    ({ deposit_id, tx_hash, status }) =>
      store.change(deposit_id, {
        status: status ?? "COMPLETED",
        mint_tx_hash: mintHash(),
        ...(tx_hash === undefined ? {} : { tx_hash }),
      }),
  ),
  command("fail", commands.fail, "Say that a deposit failed, which is not the end", ({ deposit_id }) =>
    store.change(deposit_id, { status: "FAILED" }),
  ),
  command(
    "set-status",
    commands["set-status"],
    "Give a deposit any status, known or not",
    ({ deposit_id, status }) => store.change(deposit_id, { status }),
  ),
  command("set-fault", commands["set-fault"], "Misbehave from now on", async (fault) => {
    store.setFault(fault)
    await (fault.kind === "refuse" ? server().refuse() : server().accept())
    return { fault }
  }),
  command("clear-fault", commands["clear-fault"], "Behave again", async () => {
    store.setFault(null)
    await server().accept()
    return { fault: null }
  }),
]
