import { endpoint } from "@landfall/adapters/config/endpoint"
import { secret } from "@landfall/adapters/config/secret"
import { createJsonClient } from "@landfall/adapters/net/json-client"
import { Schema } from "effect"
import type { Fault } from "./faults.ts"

/** The strings that every simulated part has. */
export interface FaultControl<Own extends string> {
  readonly setFault: (fault: Fault<Own>) => Promise<void>
  readonly clearFault: () => Promise<void>
  /** How often it was asked so far. */
  readonly calls: () => Promise<number>
}

const readState = Schema.decodeUnknownSync(Schema.Struct({ calls: Schema.Int }))

/** Sends commands to a simulated part, from this or any other process. */
export const controlOf = <Own extends string>(name: string, controlUrl: string, token: string) => {
  const client = createJsonClient({ name, endpoint: endpoint(controlUrl), bearer: secret(token) })
  const send = (command: string, body: object): Promise<unknown> => client.post(`/control/${command}`, body)
  const faults: FaultControl<Own> = {
    setFault: async (fault) => void (await send("set-fault", fault)),
    clearFault: async () => void (await send("clear-fault", {})),
    calls: async () => readState(await client.get("/state")).calls,
  }
  return { send, faults }
}
