import { endpoint } from "@landfall/adapters/config/endpoint"
import { secret } from "@landfall/adapters/config/secret"
import { createJsonClient } from "@landfall/adapters/net/json-client"
import { Schema } from "effect"
import { type CommandBody, commands } from "./control-api.ts"

const DepositAnswer = Schema.Struct({
  deposit_id: Schema.String,
  status: Schema.String,
  tx_hash: Schema.String,
  mint_tx_hash: Schema.String,
  created_at: Schema.String,
})
/** A deposit as the bridge lists it after a command. */
export type DepositAnswer = typeof DepositAnswer.Type

const State = Schema.Struct({ calls: Schema.Record(Schema.String, Schema.Int) })

/** The simulated bridge's strings, from this or any other process. */
export interface BridgeControl {
  readonly issueHandle: (handle: CommandBody<"issue-handle">) => Promise<void>
  readonly setMinimum: (minimum: CommandBody<"set-minimum">) => Promise<void>
  readonly addDeposit: (deposit: CommandBody<"add-deposit">) => Promise<DepositAnswer>
  readonly credit: (credit: CommandBody<"credit">) => Promise<DepositAnswer>
  readonly fail: (deposit_id: string) => Promise<DepositAnswer>
  readonly setStatus: (deposit_id: string, status: string) => Promise<DepositAnswer>
  readonly setFault: (fault: CommandBody<"set-fault">) => Promise<void>
  readonly clearFault: () => Promise<void>
  /** How often each method was asked so far. */
  readonly calls: () => Promise<Readonly<Record<string, number>>>
}

/** A client for the control address and token that `startBridge` or `.sandbox/connections.json` gave. */
export const bridgeControl = (controlUrl: string, token: string): BridgeControl => {
  const client = createJsonClient({
    name: "simulated bridge",
    endpoint: endpoint(controlUrl),
    bearer: secret(token),
  })
  const send = async <Name extends keyof typeof commands>(
    name: Name,
    body: CommandBody<Name>,
  ): Promise<unknown> => {
    const encode = Schema.encodeUnknownSync(commands[name])
    return client.post(`/control/${name}`, encode(body))
  }
  const deposit = Schema.decodeUnknownSync(DepositAnswer)
  const state = Schema.decodeUnknownSync(State)
  return {
    issueHandle: async (handle) => void (await send("issue-handle", handle)),
    setMinimum: async (minimum) => void (await send("set-minimum", minimum)),
    addDeposit: async (given) => deposit(await send("add-deposit", given)),
    credit: async (credit) => deposit(await send("credit", credit)),
    fail: async (deposit_id) => deposit(await send("fail", { deposit_id })),
    setStatus: async (deposit_id, status) => deposit(await send("set-status", { deposit_id, status })),
    setFault: async (fault) => void (await send("set-fault", fault)),
    clearFault: async () => void (await send("clear-fault", {})),
    calls: async () => state(await client.get("/state")).calls,
  }
}
