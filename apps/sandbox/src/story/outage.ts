import { step } from "../terminal.ts"
import { until } from "../until.ts"
import type { Stage } from "./story.ts"

interface Observers {
  readonly funding_observers: {
    readonly bitcoin: {
      readonly healthy: boolean
      readonly state: string
      readonly last_error: string | null
    }
  }
}

/** The node goes away and comes back: the observer says so, and no deposit is declared gone meanwhile. */
export const playOutage = async (stage: Stage): Promise<void> => {
  const { terminal } = stage
  const node = stage.parts.bitcoinNode
  if (node === null) return terminal.line("      bitcoind is not ours to stop here: this act is left out")
  const { writer, manager } = stage.operation
  const observer = async (state: string) =>
    until(`the observer to be ${state}`, async () => {
      const { bitcoin } = (await manager.get<Observers>("/state")).funding_observers
      return bitcoin.state === state ? bitcoin : null
    })
  const statuses = async (): Promise<string> => {
    const { items } = await writer.get<{ items: ReadonlyArray<{ tx_hash: string; status: string }> }>(
      "/v1/transfers",
    )
    return JSON.stringify(items.map(({ tx_hash, status }) => [tx_hash, status]))
  }
  const before = await statuses()
  await step(
    terminal,
    "bitcoind is stopped: the observer is down, no deposit is gone",
    async () => {
      await node.stop()
      const down = await observer("down")
      if ((await statuses()) !== before) throw new Error("a transfer changed while nobody could look")
      return down
    },
    ({ last_error }) => last_error ?? "down",
  )
  await step(
    terminal,
    "bitcoind is started: the observer has caught up",
    async () => {
      await node.restart()
      return observer("ok")
    },
    ({ state }) => state,
  )
}
