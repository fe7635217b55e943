import type { Tokens } from "./authorize.ts"

/** Where a service listens. */
export interface Bind {
  readonly host: string
  readonly port: number
}

/** Whether only this machine reaches the address. A name other than `localhost` may point anywhere. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host)

/** Why a service may not listen there: beyond loopback it needs both tokens. Null when it may. */
export const bindProblem = (host: string, tokens: Tokens): string | null => {
  const missing = [
    ...(tokens.control === null ? ["a control token"] : []),
    ...(tokens.read === null ? ["a read token"] : []),
  ]
  return isLoopback(host) || missing.length === 0
    ? null
    : `listening on ${JSON.stringify(host)}, which is beyond this machine, needs ${missing.join(" and ")}. Configure the tokens, or listen on 127.0.0.1.`
}
