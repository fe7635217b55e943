import { step } from "../terminal.ts"
import { until } from "../until.ts"
import { alertIs, sayAlert } from "./alerts.ts"
import { mine, reached, type Transfer } from "./deposit.ts"
import type { Stage } from "./story.ts"

interface Side {
  readonly state: string
  readonly tip_height: number | null
}
interface Observers {
  readonly funding_observers: { readonly bitcoin: { readonly sides?: { readonly [source: string]: Side } } }
}

/** Both observers of Bitcoin, once they are in sync at one height; null when there is one only. */
const agreeing = ({ parts, operation }: Stage): Promise<ReadonlyArray<readonly [string, Side]> | null> =>
  parts.secondBitcoinUrl === null
    ? Promise.resolve(null)
    : until("both observers of Bitcoin to agree", async () => {
        const { funding_observers } = await operation.manager.get<Observers>("/state")
        const sides = Object.entries(funding_observers.bitcoin.sides ?? {})
        const tips = new Set(sides.map(([, { tip_height }]) => tip_height))
        return sides.length === 2 && tips.size === 1 && sides.every(([, { state }]) => state === "ok")
          ? sides
          : null
      })

/** A sender replaces an unmined deposit by one with a higher fee: both stay visible and name each other. */
export const playReplacement = async (stage: Stage): Promise<void> => {
  const { terminal, miner, bridgeWallet } = stage
  const address = await bridgeWallet<string>("getnewaddress", "", "bech32")
  await stage.parts.bridge.control.issueHandle({ account_id: stage.account, chain: "btc:mainnet", address })
  await until("the handle to be watched", async () => {
    const state = await stage.operation.manager.get<{ active_funding_handles: unknown }>("/state")
    return JSON.stringify(state.active_funding_handles).includes(address) ? true : null
  })
  const first = await miner<string>("sendtoaddress", address, "0.2")
  await step(terminal, "a deposit waits with a low fee", () => reached(stage, first, "seen"), describe)
  await step(
    terminal,
    "two observers watch it: gone is what both call gone",
    () => agreeing(stage),
    (sides) =>
      sides === null
        ? "there is one observer only"
        : sides.map(([source, { state, tip_height }]) => `${source} ${state} at ${tip_height}`).join(", "),
  )
  const { txid: second } = await miner<{ txid: string }>("bumpfee", first)
  await step(
    terminal,
    "its sender replaces it with a higher fee",
    async () => {
      const old = await reached(stage, first, "replaced")
      if (old.successor_tx_hash !== second)
        throw new Error(`its successor is shown as ${old.successor_tx_hash}`)
      await reached(stage, second, "seen")
      return old
    },
    (row) => `${row.tx_hash.slice(0, 12)}… ${row.status} by ${row.successor_tx_hash?.slice(0, 12)}…`,
  )
  await step(
    terminal,
    "that money which was counted comes no more under its hash is an alert: funding_stuck",
    () => alertIs(stage, "funding_stuck", "raised", { tx_hash: first }),
    sayAlert,
  )
  await mine(stage, 2)
  await step(
    terminal,
    "the successor is confirmed, counted once",
    () => reached(stage, second, "confirmed"),
    describe,
  )
  await step(
    terminal,
    "the replaced one was told of long enough (a day, unless the policy says another; here 5 s)",
    () => alertIs(stage, "funding_stuck", "cleared", { tx_hash: first }),
    sayAlert,
  )
}

const describe = (row: Transfer): string => `${row.status} ${row.tx_hash}`
